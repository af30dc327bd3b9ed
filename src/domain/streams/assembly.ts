import type { Added } from './added.ts';
import { createChatAssembly } from './chat-assembly.ts';
import { createResponsesAssembly } from './responses-assembly.ts';
import type { StreamCuts } from './cuts.ts';
import type { StreamedOperation, StreamEvent } from './stream-event.ts';

/**
 * Assembles the events of one attempt into its answer. The events that it forwards and those that a replay builds from
 * `answer` and `cuts` are the same sequence.
 */
export interface Assembly {
  /** Takes the upstream's next event. */
  add(event: StreamEvent): Added;
  /** Number of events that were forwarded. */
  readonly forwarded: number;
  /**
   * Whether the upstream said that the answer is whole: a `finish_reason` for every choice that has begun, `[DONE]`,
   * `response.completed` or `response.incomplete`. More may follow, such as the usage.
   */
  readonly isFinished: boolean;
  /** Whether nothing may follow: `[DONE]` came, or the end of a Response. */
  readonly isOver: boolean;
  /** Whether any content came: text, a tool call, reasoning. Its absence makes a failed attempt cheap to repeat. */
  readonly hasContent: boolean;
  /** The answer so far, as if it had not been streamed. A live view: it grows. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** A live view. */
  readonly cuts: StreamCuts;
  /** The answer as JSON. */
  bytes(): Uint8Array;
}

/** @param attempt the attempt's number in the attempt log, from 1 */
export function createAssembly(operation: StreamedOperation, attempt: number): Assembly {
  return operation === 'responses' ? createResponsesAssembly(attempt) : createChatAssembly(operation);
}
