import fc from 'fast-check';
import type { StreamEvent } from '../../../src/domain/streams/stream-event.ts';
import { cut, interleave, type Draw, type StreamedAnswer } from './cut.ts';

type Event = Record<string, unknown>;

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const logprob = fc.record({
  token: text,
  logprob: fc.double({ max: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  bytes: fc.array(fc.nat(255), { maxLength: 3 }),
  top_logprobs: fc.constant([]),
});
const part = fc.oneof(
  fc.record({
    type: fc.constant('output_text' as const),
    text,
    annotations: fc.array(fc.record({ type: fc.constant('url_citation'), url: text }), { maxLength: 2 }),
    logprobs: fc.array(logprob, { maxLength: 4 }),
  }),
  fc.record({ type: fc.constant('refusal' as const), refusal: text }),
);
const item = fc.oneof(
  fc.record({
    type: fc.constant('message' as const),
    content: fc.array(part, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ type: fc.constant('function_call' as const), name: text, arguments: text }),
  fc.record({ type: fc.constant('custom_tool_call' as const), name: text, input: text }),
  fc.record({
    type: fc.constant('reasoning' as const),
    summary: fc.array(text, { maxLength: 2 }),
    encrypted_content: fc.string({ minLength: 300, maxLength: 400 }),
  }),
  fc.record({
    type: fc.constant('web_search_call' as const),
    action: fc.record({ type: fc.constant('search'), query: text }),
  }),
);

/** Random Responses in random events, in OpenAI's order. Items may come at the same time. */
export const responseStream: fc.Arbitrary<StreamedAnswer> = fc.gen().map((draw) => {
  const items = draw(() => fc.array(item, { maxLength: 4 }));
  const isIncomplete = draw(fc.boolean);
  const isEmptied = draw(fc.boolean) && draw(fc.boolean);
  const output = items.map((made, index) => wholeItem(made, index));
  const begun = {
    id: 'resp_1',
    object: 'response',
    created_at: draw(fc.nat),
    status: 'in_progress',
    error: null,
    incomplete_details: null,
    instructions: draw(() => fc.option(fc.string({ maxLength: 400 }))),
    model: 'm-1',
    output: [] as unknown[],
    parallel_tool_calls: true,
    tool_choice: 'auto',
    tools: [],
    temperature: 1,
    top_p: 1,
    metadata: {},
    usage: null,
  };
  const answer = {
    ...begun,
    status: isIncomplete ? 'incomplete' : 'completed',
    incomplete_details: isIncomplete ? { reason: 'max_output_tokens' } : null,
    output,
    usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
  };
  const lists = items.map((made, index) => eventsOf(made, output[index] ?? {}, index, draw));
  const [added, later] = [lists.map((list) => list.slice(0, 1)), lists.map((list) => list.slice(1))];
  const events: Event[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...(draw(fc.boolean) ? lists.flat() : [...added.flat(), ...interleave(later, draw)]),
    {
      type: isIncomplete ? 'response.incomplete' : 'response.completed',
      response: isEmptied ? { ...answer, output: [] } : answer,
    },
  ];
  const hasNumbers = draw(fc.boolean);
  const isPadded = draw(fc.boolean);
  return {
    answer,
    events: events.map((event, sequence_number): StreamEvent => ({
      event: String(event['type']),
      data: JSON.stringify({
        ...event,
        ...(isPadded && String(event['type']).endsWith('.delta')
          ? { obfuscation: 'x'.repeat(draw(() => fc.nat(9))) }
          : {}),
        ...(hasNumbers ? { sequence_number } : {}),
      }),
    })),
  };
});

type Item = typeof item extends fc.Arbitrary<infer T> ? T : never;

function wholeItem(made: Item, index: number): Event {
  const id = { id: `item_${index}`, status: 'completed' };
  switch (made.type) {
    case 'message':
      return { ...id, role: 'assistant', ...made };
    case 'function_call':
    case 'custom_tool_call':
      return { ...id, call_id: `call_${index}`, ...made };
    case 'reasoning':
      return { ...id, ...made, summary: made.summary.map((part) => ({ type: 'summary_text', text: part })) };
    default:
      return { ...id, ...made };
  }
}

function eventsOf(made: Item, whole: Event, output_index: number, draw: Draw): Event[] {
  const at = { item_id: whole['id'], output_index };
  const added = (more: object): Event => ({
    type: 'response.output_item.added',
    output_index,
    item: { ...whole, status: 'in_progress', ...more },
  });
  const done: Event = { type: 'response.output_item.done', output_index, item: whole };
  const text = (name: string, member: string, value: string, more: object): Event[] => [
    ...cut(value, draw).map((delta) => ({ type: `response.${name}.delta`, ...at, ...more, delta })),
    { type: `response.${name}.done`, ...at, ...more, [member]: value },
  ];
  switch (made.type) {
    case 'message':
      return [
        added({ content: [] }),
        ...made.content.flatMap((value, index) => partEvents(value, { ...at, content_index: index }, draw)),
        done,
      ];
    case 'function_call':
      return [
        added({ arguments: '' }),
        ...text('function_call_arguments', 'arguments', made.arguments, {}),
        done,
      ];
    case 'custom_tool_call':
      return [added({ input: '' }), ...text('custom_tool_call_input', 'input', made.input, {}), done];
    case 'reasoning':
      return [
        added({ summary: [] }),
        ...made.summary.flatMap((value, summary_index) => [
          {
            type: 'response.reasoning_summary_part.added',
            ...at,
            summary_index,
            part: { type: 'summary_text', text: '' },
          },
          ...text('reasoning_summary_text', 'text', value, { summary_index }),
          {
            type: 'response.reasoning_summary_part.done',
            ...at,
            summary_index,
            part: { type: 'summary_text', text: value },
          },
        ]),
        done,
      ];
    case 'web_search_call':
      return [
        added({ action: null }),
        ...['in_progress', 'searching', 'completed'].map((state) => ({
          type: `response.web_search_call.${state}`,
          ...at,
        })),
        done,
      ];
  }
}

type Part = typeof part extends fc.Arbitrary<infer T> ? T : never;

function partEvents(made: Part, at: object, draw: Draw): Event[] {
  const event = (type: string, more: object): Event => ({ type: `response.${type}`, ...at, ...more });
  if (made.type === 'refusal') {
    return [
      event('content_part.added', { part: { ...made, refusal: '' } }),
      ...cut(made.refusal, draw).map((delta) => event('refusal.delta', { delta })),
      event('refusal.done', { refusal: made.refusal }),
      event('content_part.done', { part: made }),
    ];
  }
  const texts = cut(made.text, draw);
  const tokens = texts.length === 0 ? [] : cut(made.logprobs, draw);
  const withTokens = texts.length === 0 ? { ...made, logprobs: [] } : made;
  return [
    event('content_part.added', { part: { ...made, text: '', annotations: [], logprobs: [] } }),
    ...texts.map((delta, index) =>
      event('output_text.delta', {
        delta,
        logprobs: index === texts.length - 1 ? tokens.slice(index).flat() : (tokens[index] ?? []),
      }),
    ),
    ...made.annotations.map((annotation, annotation_index) =>
      event('output_text.annotation.added', { annotation_index, annotation }),
    ),
    event('output_text.done', { text: made.text, logprobs: withTokens.logprobs }),
    event('content_part.done', { part: made }),
  ];
}
