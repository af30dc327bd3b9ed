import type { Assembly } from './assembly.ts';
import type { StreamedOperation, StreamEvent } from './stream-event.ts';

/**
 * The stream channel carries the events of running attempts from workers to callers. All of them are provisional: that
 * a request has ended, and with what, is read from Temporal. So a channel may lose everything, and each caller still
 * gets the whole result.
 */

/** A running attempt. Events that have gone by are made again from its assembly. */
export interface LiveSource {
  readonly operation: StreamedOperation;
  /** The attempt's number in the attempt log. */
  readonly attempt: number;
  readonly assembly: Pick<Assembly, 'answer' | 'cuts'>;
}

/** The worker's side of the channel. */
export interface StreamPublisher {
  /** Begins an attempt. It takes the place of the attempt before. Never throws. */
  begin(workflowId: string, source: LiveSource): PublishedAttempt;
}

export interface PublishedAttempt {
  /** Passes events on, in order. Never throws and never waits. */
  publish(events: readonly StreamEvent[]): void;
  end(fate: AttemptFate): void;
}

/**
 * How an attempt ended. `completed`: Temporal gets its result now. `broken`: the request goes on without it. `last`: the
 * request ends with it, and without a result.
 */
export type AttemptFate = 'completed' | 'broken' | 'last';

/** The callers' side of the channel. */
export interface StreamSubscriber {
  /**
   * Follows the attempts of a request, the one that runs now from its first event.
   *
   * @param onChange called when there may be something to take
   * @param from where to begin in an attempt that the caller has read before. Null = from the first event
   */
  follow(workflowId: string, onChange: () => void, from: StreamPosition | null): StreamFollower;
}

/** A place in the stream of a request. */
export interface StreamPosition {
  readonly attempt: number;
  /** Number of an event within its attempt, from 0. */
  readonly ordinal: number;
}

/** The reading of one caller. It reads one attempt, and moves on to the next one only if it has taken no event. */
export interface StreamFollower {
  /** Takes the next events, up to about so many characters. */
  take(maxCharacters: number): TakenEvents;
  leave(): void;
}

export interface TakenEvents {
  /** The attempt that is read. Null = none is known. */
  readonly attempt: number | null;
  readonly events: readonly StreamEvent[];
  /** Ordinal of the event that follows them. Events that are not replayed may have been passed over. */
  readonly next: number;
  /** How the attempt ended. Null = it runs, or not all of its events are taken. */
  readonly fate: AttemptFate | null;
}
