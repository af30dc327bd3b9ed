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

export const HOLD: Added = { kind: 'hold' };

/** Forwards events, if there are any. */
export function forward(events: readonly StreamEvent[]): Added {
  return events.length === 0 ? HOLD : { kind: 'forward', events };
}
