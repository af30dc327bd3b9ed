/** The rules of assembling a Responses stream: numbers, the stored text, what is kept and what is an error. */
import { describe, expect, it } from 'vitest';
import { createAssembly, type Assembly } from '../../../src/domain/streams/assembly.ts';
import { finalEvents } from '../../../src/domain/streams/final-events.ts';
import { createReplay } from '../../../src/domain/streams/replay.ts';
import type { StreamEvent } from '../../../src/domain/streams/stream-event.ts';
import { addAll, rest } from '../../support/stream-events.ts';

type Event = { readonly type: string } & Record<string, unknown>;
const sent = (event: Event, data = JSON.stringify(event)): StreamEvent => ({ event: event.type, data });
const parsed = ({ data }: StreamEvent): unknown => JSON.parse(data);

const AT = { item_id: 'm1', output_index: 0, content_index: 0 };
const BEGUN: Event[] = [
  { type: 'response.created', response: { id: 'r', object: 'response', status: 'in_progress', output: [] } },
  {
    type: 'response.output_item.added',
    output_index: 0,
    item: { id: 'm1', type: 'message', status: 'in_progress', role: 'assistant', content: [] },
  },
  { type: 'response.content_part.added', ...AT, part: { type: 'output_text', text: '', annotations: [] } },
];
const delta = (text: string, more: object = {}): Event => ({
  type: 'response.output_text.delta',
  ...AT,
  delta: text,
  ...more,
});
const PART = { type: 'output_text', text: 'ab', annotations: [] };
const ITEM = { id: 'm1', type: 'message', status: 'completed', role: 'assistant', content: [PART] };
const DONE: Event[] = [
  { type: 'response.output_text.done', ...AT, text: 'ab' },
  { type: 'response.content_part.done', ...AT, part: PART },
  { type: 'response.output_item.done', output_index: 0, item: ITEM },
];

function assembled(events: readonly Event[], attempt = 1): Assembly & { readonly sentOn: StreamEvent[] } {
  const assembly = createAssembly('responses', attempt);
  const sentOn = addAll(
    assembly,
    events.map((event) => sent(event)),
  );
  return Object.assign(assembly, { sentOn });
}

describe('the numbers of Responses events', () => {
  it.each([
    [
      'replace the last member',
      '{"type":"t","a":1.0,"sequence_number":7}',
      '{"type":"t","a":1.0,"sequence_number":2000000}',
    ],
    [
      'replace any other member',
      '{"sequence_number": 7, "type":"t"}',
      '{"sequence_number": 2000000, "type":"t"}',
    ],
    ['are added', '{"type":"t","a":"\\u0041"}', '{"sequence_number":2000000,"type":"t","a":"\\u0041"}'],
    [
      'leave nested members and texts alone',
      '{"type":"t","o":{"sequence_number":1},"s":"\\"sequence_number\\":2}"}',
      '{"sequence_number":2000000,"type":"t","o":{"sequence_number":1},"s":"\\"sequence_number\\":2}"}',
    ],
    [
      'are not misled by a nested object at the end',
      '{"type":"t","o":{"sequence_number":1}}',
      '{"sequence_number":2000000,"type":"t","o":{"sequence_number":1}}',
    ],
  ])('%s', (_what, data, expected) => {
    const added = createAssembly('responses', 3).add({ event: null, data });
    expect(added).toEqual({ kind: 'forward', events: [{ event: 't', data: expected }] });
  });
});

describe('a Responses stream', () => {
  it("stores the upstream's own text of the Response", () => {
    const text = `{ "id":"r" , "n":1e-7,"big":12345678901234567890, "output":[${JSON.stringify(ITEM)}],"status":"completed"}`;
    const assembly = assembled([...BEGUN, delta('ab'), ...DONE]);
    const last = sent(
      { type: 'response.completed' },
      `{"type":"response.completed","response": ${text} ,"sequence_number":9}`,
    );
    expect([assembly.add(last).kind, assembly.isFinished]).toEqual(['hold', true]);
    expect(Buffer.from(assembly.bytes()).toString()).toBe(text);
    const [final] = finalEvents(
      'responses',
      { answer: assembly.answer, bytes: assembly.bytes() },
      { attempt: 2, at: 7, usage: false },
    );
    expect(final).toEqual({
      event: 'response.completed',
      data: `{"type":"response.completed","response":${text},"sequence_number":1000007}`,
    });
  });

  it.each([['[]'], ['null'], [undefined]])('fills an output of %s with the items that came', (output) => {
    const member = output === undefined ? '' : `"output":${output},`;
    const assembly = assembled([...BEGUN, delta('ab'), ...DONE]);
    addAll(assembly, [
      sent(
        { type: 'response.incomplete' },
        `{"type":"response.incomplete","response":{"id":"r",${member}"n":1.0}}`,
      ),
    ]);
    const text = Buffer.from(assembly.bytes()).toString();
    expect(text).toContain('"n":1.0');
    expect(JSON.parse(text)).toEqual({ id: 'r', n: 1, output: [ITEM] });
    expect(assembly.answer).toEqual({ id: 'r', n: 1, output: [ITEM] });
  });

  it('keeps small unknown events, and the number of large ones', () => {
    const events: Event[] = [
      ...BEGUN,
      { type: 'response.unheard_of', output_index: 0, item_id: 'm1', mood: 'fine' },
      { type: 'response.unheard_of', output_index: 0, picture: 'x'.repeat(2_000) },
      { type: 'response.audio.delta', delta: 'x' },
      delta('ab'),
    ];
    const { sentOn, answer, cuts } = assembled(events);
    expect(sentOn).toHaveLength(events.length);
    const replayed = rest(createReplay('responses', { answer, cuts, attempt: 1 }));
    expect(replayed.map(parsed)).toEqual([...sentOn.slice(0, 4), ...sentOn.slice(6)].map(parsed));
  });

  it('keeps at most 8 KiB of unknown events', () => {
    const unknown = Array.from({ length: 1_000 }, (_, at) => ({
      type: 'response.unheard_of',
      mood: `${at}`.repeat(40),
    }));
    const { cuts, forwarded } = assembled([...BEGUN, ...unknown, delta('ab')]);
    expect(forwarded).toBe(1_004);
    expect(JSON.stringify(cuts).length).toBeLessThan(16 * 1024);
  });

  it('has content with the first text or call, not with an empty message', () => {
    expect(assembled(BEGUN).hasContent).toBe(false);
    expect(assembled([...BEGUN, delta('a')]).hasContent).toBe(true);
    const item = { id: 'f', type: 'function_call', call_id: 'c', name: 'f', arguments: '' };
    expect(assembled([{ type: 'response.output_item.added', output_index: 0, item }]).hasContent).toBe(true);
  });

  it.each([
    [{ type: 'error', code: 'server_error', message: 'no' }, 'error'],
    [{ type: 'response.failed', response: { status: 'failed', error: { code: 'server_error' } } }, 'error'],
    [{ type: 'x', error: { message: 'no' } }, 'error'],
    [{ type: 'response.completed' }, 'malformed'],
    [
      { type: 'response.output_text.delta', output_index: 1e9, content_index: 0, item_id: 'x', delta: 'a' },
      'forward',
    ],
    [{ type: 'response.output_text.delta', output_index: -1, delta: 'a' }, 'forward'],
  ])('takes %j as %s', (event, kind) => {
    const assembly = createAssembly('responses', 1);
    expect(assembly.add(sent(event)).kind).toBe(kind);
    expect(JSON.stringify(assembly.answer).length).toBeLessThan(100);
  });

  it('assembles deltas of items that were never announced', () => {
    const { answer, cuts, sentOn } = assembled([delta('a'), delta('b')]);
    expect(answer).toEqual({ output: [{ content: [{ text: 'ab' }] }] });
    const replayed = rest(createReplay('responses', { answer, cuts, attempt: 1 }));
    expect(replayed.map(parsed)).toEqual(sentOn.map(parsed));
  });

  it('begins where the caller left off, and passes over what it got live', () => {
    const { answer, cuts, sentOn } = assembled([...BEGUN, delta('a'), delta('b'), ...DONE], 2);
    const replay = createReplay('responses', { answer, cuts, attempt: 2 }, 3);
    expect(replay.position).toBe(3);
    replay.skip();
    expect(replay.position).toBe(4);
    const next = replay.next();
    expect(next && parsed(next)).toEqual(parsed(sentOn[4]!));
    expect(replay.position).toBe(5);
    expect(rest(replay)).toHaveLength(3);
  });
});
