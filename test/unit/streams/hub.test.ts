import { describe, expect, it } from 'vitest';
import { createAssembly } from '../../../src/domain/streams/assembly.ts';
import type { PublishedAttempt } from '../../../src/domain/streams/channel.ts';
import { createStreamHub, type StreamHub } from '../../../src/streams/hub.ts';

/** An attempt whose text has come. */
function begin(hub: StreamHub, attempt: number, content: string): PublishedAttempt {
  const assembly = createAssembly('chat.completions', attempt);
  const published = hub.begin('w', { operation: 'chat.completions', attempt, assembly });
  const data = JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
  const added = assembly.add({ event: null, data });
  if (added.kind === 'forward') published.publish(added.events);
  return published;
}

describe('a follower', () => {
  it('that comes after an attempt broke off reads the next one, while others still read the broken one', () => {
    const hub = createStreamHub();
    const first = begin(hub, 1, 'lost');
    const early = hub.follow('w', () => undefined, null);
    expect(early.take(1_000).events).toHaveLength(1);
    first.end('broken');
    const late = hub.follow('w', () => undefined, null);
    expect(late.take(1_000)).toEqual({ attempt: null, events: [], next: 0, fate: null });
    begin(hub, 2, 'good');
    expect(late.take(1_000)).toMatchObject({
      attempt: 2,
      events: [{ data: expect.stringContaining('good') }],
    });
    expect(early.take(1_000)).toEqual({ attempt: 1, events: [], next: 1, fate: 'broken' });
  });
});
