/** Row 5 at its full width: 500 callers at once for each key. `STORM_KEYS` (default 200) says for how many. */
import { expect, inject, it } from 'vitest';
import { stormKeys } from './storm.ts';

it('makes one call for 500 equal ones at once through two API processes', async () => {
  const keys = Number(process.env['STORM_KEYS'] ?? '') || 200;
  const startedMs = performance.now();
  const stormed = await stormKeys({ temporalAddress: inject('temporalAddress'), keys, callers: 500 });
  process.stdout.write(
    `${keys} keys x 500 callers in ${Math.round((performance.now() - startedMs) / 1000)} s\n`,
  );
  expect(
    stormed.filter(
      ({ ids, bodies, hits, streamed, unfinished }) =>
        ids.size !== 1 || bodies.size !== 1 || hits !== 1 || streamed.size !== 1 || unfinished > 0,
    ),
  ).toEqual([]);
});
