/** The index of a stream: its size is bounded, and nothing is lost for that. */
import { describe, expect, it } from 'vitest';
import { createAssembly } from '../../../src/domain/streams/assembly.ts';
import { createReplay } from '../../../src/domain/streams/replay.ts';
import type { StreamEvent } from '../../../src/domain/streams/stream-event.ts';
import { addAll, rest } from '../../support/stream-events.ts';

const chunk = (choice: object): StreamEvent => ({
  event: null,
  data: JSON.stringify({ id: 'c', choices: [{ index: 0, delta: {}, finish_reason: null, ...choice }] }),
});
const contentOf = (events: readonly StreamEvent[]): string =>
  events.map(({ data }) => JSON.parse(data).choices[0].delta.content ?? '').join('');

describe('the cuts of a stream', () => {
  it('take two characters for a usual delta', () => {
    const assembly = createAssembly('chat.completions', 1);
    addAll(
      assembly,
      Array.from({ length: 100 }, () => chunk({ delta: { content: 'abcd' } })),
    );
    const before = JSON.stringify(assembly.cuts).length;
    addAll(
      assembly,
      Array.from({ length: 1_000 }, () => chunk({ delta: { content: 'abcd' } })),
    );
    expect(JSON.stringify(assembly.cuts).length - before).toBe(2_000);
  });

  it('stay under 64 KiB, because small deltas are merged before they are forwarded', () => {
    const assembly = createAssembly('chat.completions', 1);
    const forwarded: StreamEvent[] = [];
    const follower = createReplay('chat.completions', { ...assembly, attempt: 1 });
    const followed: StreamEvent[] = [];
    let text = '';
    for (let at = 0; at < 100_000; at += 1) {
      const content = `${at} `;
      text += content;
      forwarded.push(...addAll(assembly, [chunk({ delta: { content } })]));
      if (at % 1_000 === 0) followed.push(...rest(follower));
    }
    // The end forwards what was held for a longer delta.
    forwarded.push(...addAll(assembly, [chunk({ finish_reason: 'stop' })]));
    followed.push(...rest(follower));
    expect(contentOf(forwarded)).toBe(text);
    expect(forwarded.length).toBe(assembly.forwarded);
    expect(forwarded.length).toBeGreaterThan(24_000);
    expect(forwarded.length).toBeLessThan(40_000);
    expect(followed.map((event) => contentOf([event]))).toEqual(forwarded.map((event) => contentOf([event])));
    expect(JSON.stringify(assembly.cuts).length).toBeLessThan(64 * 1024);
  });

  it('forward a merged delta before whatever follows it', () => {
    const assembly = createAssembly('chat.completions', 1);
    addAll(
      assembly,
      Array.from({ length: 30_000 }, () => chunk({ delta: { content: 'abcd' } })),
    );
    const events = [
      chunk({ delta: { content: 'x' } }),
      chunk({ delta: { reasoning: 'y' } }),
      chunk({ delta: { content: 'z' } }),
    ];
    const before = assembly.forwarded;
    const shown = addAll(assembly, [...events, chunk({ finish_reason: 'stop' })]);
    expect(shown.map(({ data }) => JSON.parse(data).choices[0].delta)).toMatchObject([
      { content: expect.stringMatching(/x$/) },
      { reasoning: 'y' },
      { content: 'z' },
    ]);
    expect(assembly.forwarded).toBe(before + 3);
  });

  it('stay under 64 KiB when every chunk has a shape of its own, and the answer stays whole', () => {
    const assembly = createAssembly('chat.completions', 1);
    const names = Array.from({ length: 5_000 }, (_, at) => `text_${at}`);
    addAll(
      assembly,
      names.map((name) => chunk({ delta: { [name]: 'a' } })),
    );
    expect(JSON.stringify(assembly.cuts).length).toBeLessThan(64 * 1024);
    expect(JSON.parse(Buffer.from(assembly.bytes()).toString()).choices[0].message).toMatchObject(
      Object.fromEntries(names.map((name) => [name, 'a'])),
    );
    expect(rest(createReplay('chat.completions', { ...assembly, attempt: 1 })).length).toBe(
      assembly.forwarded,
    );
  });

  it('of hundreds of items share their shapes', () => {
    const assembly = createAssembly('responses', 1);
    const item = (index: number, status: string): object => ({
      id: `ws_${index}`,
      type: 'web_search_call',
      status,
      action: { type: 'search', query: `q${index}` },
    });
    for (let output_index = 0; output_index < 400; output_index += 1) {
      const at = { item_id: `ws_${output_index}`, output_index };
      addAll(
        assembly,
        [
          {
            type: 'response.output_item.added',
            output_index,
            item: { ...item(output_index, 'in_progress'), action: undefined },
          },
          { type: 'response.web_search_call.in_progress', ...at },
          { type: 'response.web_search_call.searching', ...at },
          { type: 'response.web_search_call.completed', ...at },
          { type: 'response.output_item.done', output_index, item: item(output_index, 'completed') },
        ].map((event) => ({ event: event.type, data: JSON.stringify(event) })),
      );
    }
    expect(assembly.forwarded).toBe(2_000);
    expect(JSON.stringify(assembly.cuts).length).toBeLessThan(8 * 1024);
    expect(rest(createReplay('responses', { ...assembly, attempt: 1 }))).toHaveLength(2_000);
  });
});
