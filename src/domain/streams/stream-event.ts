import { OPERATIONS, type Operation } from '../operations.ts';

/** One server-sent event. */
export interface StreamEvent {
  /** The field `event`; null when the event has none, as in chat completions. */
  readonly event: string | null;
  readonly data: string;
}

/** The operations whose streams are forwarded. Images stream too, but only whole images. */
const STREAMED = ['chat.completions', 'completions', 'responses'] as const satisfies readonly Operation[];
export type StreamedOperation = (typeof STREAMED)[number];

/** Whether `stream: true` is forwarded for this operation. */
export function isStreamed(operation: Operation): operation is StreamedOperation {
  return OPERATIONS[operation].streams && STREAMED.some((name) => name === operation);
}

/** The last event of a chat stream. */
export const DONE = '[DONE]';

/** The comment that names the attempt of the chunks after it, for a caller that joins again. Chunks have no number. */
export function attemptComment(attempt: number): string {
  return `: attempt ${attempt}\n\n`;
}

/** Numbers that each attempt has for its events. The most that an upstream answer can have is far below. */
const NUMBERS_OF_AN_ATTEMPT = 1_000_000;

/**
 * The `sequence_number` of an event. No two events of a request share one.
 *
 * @param attempt the attempt's number in the attempt log, from 1
 * @param ordinal the position of the event among those that this attempt forwarded, from 0
 */
export function sequenceNumber(attempt: number, ordinal: number): number {
  return (attempt - 1) * NUMBERS_OF_AN_ATTEMPT + ordinal;
}

/** The attempt and the ordinal that a sequence number stands for. */
export function ofSequenceNumber(number: number): { readonly attempt: number; readonly ordinal: number } {
  return {
    attempt: Math.floor(number / NUMBERS_OF_AN_ATTEMPT) + 1,
    ordinal: number % NUMBERS_OF_AN_ATTEMPT,
  };
}

/** The number of the event that ends an attempt's stream with an error. No other event has it. */
export function errorSequenceNumber(attempt: number | null): number {
  return sequenceNumber(attempt ?? 1, NUMBERS_OF_AN_ATTEMPT - 1);
}
