import { isSet } from '../completeness.ts';
import { isExactObject } from '../exact-json.ts';
import { chunkEvent, lastMembers, type ChatOperation } from './chat-events.ts';
import { lastResponseEvent } from './response-events.ts';
import { DONE, type StreamedOperation, type StreamEvent } from './stream-event.ts';

/** Members of a choice that its chunks had before. */
const SENT = new Set(['index', 'message', 'text', 'logprobs', 'finish_reason']);

/** The whole answer: its value, and its text where numbers, order and spacing must be kept. */
export interface WholeAnswer {
  readonly answer: Readonly<Record<string, unknown>>;
  readonly bytes?: Uint8Array;
}

export interface EndOfStream {
  /** The attempt's number in the attempt log, from 1. */
  readonly attempt: number;
  /** Ordinal of the first of these events. */
  readonly at: number;
  /** Whether the caller asked for the chunk with the usage. Responses have theirs in any case. */
  readonly usage: boolean;
}

/**
 * The events that make a stream look finished: one chunk with `finish_reason` per choice, the usage, and `[DONE]`; or
 * `response.completed` or `response.incomplete` with the whole Response.
 */
export function finalEvents(
  operation: StreamedOperation,
  { answer, bytes }: WholeAnswer,
  { attempt, at, usage }: EndOfStream,
): StreamEvent[] {
  if (operation === 'responses') return [lastResponseEvent(answer, bytes, attempt, at)];
  const choices = Array.isArray(answer['choices']) ? answer['choices'].filter(isExactObject) : [];
  const ends = choices.map((choice, position) =>
    endOfChoice(operation, answer, choice, position === choices.length - 1),
  );
  const usageEvents =
    usage && isSet(answer['usage'])
      ? [chunkEvent(operation, answer, '[]', `,"usage":${JSON.stringify(answer['usage'])}`)]
      : [];
  return [...ends, ...usageEvents, { event: null, data: DONE }];
}

function endOfChoice(
  operation: ChatOperation,
  answer: Readonly<Record<string, unknown>>,
  choice: Readonly<Record<string, unknown>>,
  isLast: boolean,
): StreamEvent {
  const others = Object.fromEntries(Object.entries(choice).filter(([name]) => !SENT.has(name)));
  const end = {
    index: choice['index'] ?? 0,
    ...(operation === 'completions' ? { text: '' } : { delta: {} }),
    logprobs: null,
    finish_reason: choice['finish_reason'] ?? null,
    ...others,
  };
  return chunkEvent(operation, answer, JSON.stringify([end]), isLast ? lastMembers(answer) : '');
}
