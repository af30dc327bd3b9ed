/** What the upstream does in each situation that test/clients/programs play, by operation. */
import type { Step } from './scripted-upstream.ts';
import { responseOf } from './scripted-upstream.ts';
import {
  chatStream,
  chunk,
  DONE,
  ending,
  numbered,
  opening,
  responseEnding,
  responseOpening,
  responseStream,
  type StreamedEvent,
  type StreamPart,
} from './stream-steps.ts';

type Situations = Readonly<Record<string, readonly Step[]>>;

/** Longer than the keepalive of a deployment whose keepalives are short, which many comments go out within. */
const SILENCE_MS = 300;
const silence = (): StreamPart => ({
  get until() {
    return new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
  },
});
const TOO_LONG: Step = { answer: 400, body: { error: { code: 'context_length_exceeded', message: 'no' } } };
const REFUSED: Step = { answer: 401, body: { error: { code: 'invalid_api_key', message: 'no' } } };

/** The scripts of each model, whose name is the situation's after a prefix. */
export const CHAT_SITUATIONS: Situations = {
  text: [{ stream: chatStream('Hel', 'lo') }],
  tool: [{ stream: chatToolCall() }],
  refused: [REFUSED],
  'too-long': [TOO_LONG],
  'broken-text': [{ stream: [...opening('lo', 'st'), 'reset'] }, { stream: chatStream('go', 'od') }],
  'broken-tool': [{ stream: [...chatToolOpening(), 'reset'] }, { stream: chatToolCall() }],
  'broken-after-tool': [{ stream: [...chatToolArguments(), 'reset'] }, { stream: chatToolCall() }],
  cancelled: [{ stream: [...opening('a'), 'stall'] }],
  silent: [{ stream: [...opening('Hel'), silence(), ...chatStream('lo').slice(1)] }],
  'refused-late': [{ ...REFUSED, afterMs: SILENCE_MS }],
};

export const RESPONSE_SITUATIONS: Situations = {
  text: [{ stream: responseStream('Hel', 'lo') }],
  tool: [{ stream: responseItems([functionCall(0)]) }],
  items: [{ stream: responseItems([reasoning(0), message(1), functionCall(2)]) }],
  refused: [REFUSED],
  'too-long': [TOO_LONG],
  'broken-text': [
    { stream: [...responseOpening('lo', 'st'), 'reset'] },
    { stream: responseStream('go', 'od') },
  ],
  'broken-tool': [
    // Cut off within the arguments.
    { stream: [...responseItems([functionCall(0)]).slice(0, 3), 'reset'] },
    { stream: responseItems([functionCall(0)]) },
  ],
  'broken-after-tool': [
    // Only the end is missing.
    { stream: [...responseItems([functionCall(0)]).slice(0, -1), 'reset'] },
    { stream: responseItems([functionCall(0)]) },
  ],
  cancelled: [{ stream: [...responseOpening('a'), 'stall'] }],
  silent: [
    { stream: [...responseOpening('Hel'), silence(), ...textDelta('lo'), ...responseEnding('Hello')] },
  ],
  'refused-late': [{ ...REFUSED, afterMs: SILENCE_MS }],
};

function chatToolOpening(): StreamPart[] {
  const call = (part: object): string => chunk({ tool_calls: [{ index: 0, ...part }] });
  return [
    chunk({ role: 'assistant', content: null }),
    call({ id: 'call_1', type: 'function', function: { name: 'add', arguments: '' } }),
    call({ function: { arguments: '{"a":2' } }),
  ];
}

function chatToolArguments(): StreamPart[] {
  return [...chatToolOpening(), chunk({ tool_calls: [{ index: 0, function: { arguments: ',"b":2}' } }] })];
}

function chatToolCall(): StreamPart[] {
  return [...chatToolArguments(), chunk({}, { finish_reason: 'tool_calls' }), ...ending().slice(1, -1), DONE];
}

/** An output item with the events between those that begin and end it. */
interface Item {
  readonly begun: object;
  readonly events: readonly StreamedEvent[];
  readonly done: object;
}

function functionCall(output_index: number): Item {
  const at = { item_id: 'fc_1', output_index };
  const item = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'add' };
  const whole = '{"a":2,"b":2}';
  return {
    begun: { ...item, arguments: '', status: 'in_progress' },
    events: [
      { type: 'response.function_call_arguments.delta', ...at, delta: '{"a":2' },
      { type: 'response.function_call_arguments.delta', ...at, delta: ',"b":2}' },
      { type: 'response.function_call_arguments.done', ...at, name: 'add', arguments: whole },
    ],
    done: { ...item, arguments: whole, status: 'completed' },
  };
}

function reasoning(output_index: number): Item {
  const at = { item_id: 'rs_1', output_index, summary_index: 0 };
  const summary = (text: string): object => ({ type: 'summary_text', text });
  return {
    begun: { id: 'rs_1', type: 'reasoning', summary: [] },
    events: [
      { type: 'response.reasoning_summary_part.added', ...at, part: summary('') },
      { type: 'response.reasoning_summary_text.delta', ...at, delta: 'Add ' },
      { type: 'response.reasoning_summary_text.delta', ...at, delta: 'them.' },
      { type: 'response.reasoning_summary_text.done', ...at, text: 'Add them.' },
      { type: 'response.reasoning_summary_part.done', ...at, part: summary('Add them.') },
    ],
    done: { id: 'rs_1', type: 'reasoning', summary: [summary('Add them.')] },
  };
}

function message(output_index: number): Item {
  const at = { item_id: 'msg_1', output_index, content_index: 0 };
  const part = (text: string): object => ({ type: 'output_text', text, annotations: [] });
  const item = { id: 'msg_1', type: 'message', role: 'assistant' };
  return {
    begun: { ...item, status: 'in_progress', content: [] },
    events: [
      { type: 'response.content_part.added', ...at, part: part('') },
      ...['Hel', 'lo'].map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
      { type: 'response.output_text.done', ...at, text: 'Hello', logprobs: [] },
      { type: 'response.content_part.done', ...at, part: part('Hello') },
    ],
    done: { ...item, status: 'completed', content: [part('Hello')] },
  };
}

function textDelta(delta: string): StreamPart[] {
  const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
  return numbered(50, [{ type: 'response.output_text.delta', ...at, delta, logprobs: [] }]);
}

function responseItems(items: readonly Item[]): StreamPart[] {
  const output = items.map(({ done }) => done);
  const middle = items.flatMap(({ begun, events, done }, output_index) => [
    { type: 'response.output_item.added', output_index, item: begun },
    ...events,
    { type: 'response.output_item.done', output_index, item: done },
  ]);
  return numbered(0, [
    { type: 'response.created', response: responseOf({ status: 'in_progress', output: [], usage: null }) },
    ...middle,
    { type: 'response.completed', response: responseOf({ output }) },
  ]);
}
