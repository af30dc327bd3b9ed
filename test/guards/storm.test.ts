import { expect, inject, it } from 'vitest';
import { stormKeys } from '../faults/storm.ts';

it('makes one call for many equal requests through two API processes, because Temporal decides the first', async () => {
  const stormed = await stormKeys({ temporalAddress: inject('temporalAddress'), keys: 4, callers: 60 });
  for (const { ids, bodies, firsts, hits, streamed, unfinished } of stormed) {
    expect([ids.size, bodies.size, hits]).toEqual([1, 1, 1]);
    expect([streamed.size, unfinished]).toEqual([1, 0]);
    // None, where the first one's answer was a refusal that its caller came back from.
    expect(firsts).toBeLessThanOrEqual(1);
  }
});
