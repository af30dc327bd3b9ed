import type { StreamCuts } from './cuts.ts';
import type { StreamEvent } from './stream-event.ts';

/** What became of an upstream event. */
export type Added =
  /** The events to forward now, in order. Usually one, with the upstream's own text. */
  | { readonly kind: 'forward'; readonly events: readonly StreamEvent[] }
  /** Nothing is forwarded now: the event belongs to the end of the stream, or is merged with a later one. */
  | { readonly kind: 'hold' }
  /** The upstream reports its own failure. `error` is the parsed event. */
  | { readonly kind: 'error'; readonly error: Readonly<Record<string, unknown>> }
  /** The event is not a JSON object. */
  | { readonly kind: 'malformed' };

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
  /** Whether any content came: text, a tool call, reasoning. Its absence makes a failed attempt cheap to repeat. */
  readonly hasContent: boolean;
  /** The answer so far, as if it had not been streamed. A live view: it grows. */
  readonly answer: Readonly<Record<string, unknown>>;
  /** A live view. */
  readonly cuts: StreamCuts;
  /** The answer as JSON. */
  bytes(): Uint8Array;
}

export const HOLD: Added = { kind: 'hold' };

/** Forwards events, if there are any. */
export function forward(events: readonly StreamEvent[]): Added {
  return events.length === 0 ? HOLD : { kind: 'forward', events };
}
