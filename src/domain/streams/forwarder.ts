import { CutWriter } from './cuts.ts';
import type { Outline } from './outline.ts';
import type { StreamEvent } from './stream-event.ts';

/** Characters of the cuts above which small deltas are merged before they are forwarded. */
const SOFT_LIMIT = 48 * 1024;
/** Characters of the cuts above which only merged deltas are forwarded. 64 KiB is never reached. */
const HARD_LIMIT = 63 * 1024;
/** Characters that a delta has at least, just above the soft limit. They double with every KiB of cuts. */
const SMALLEST_DELTA = 16;

/** Makes the event that is forwarded. `original` null = it has to be built from the outline. */
export type BuildEvent = (outline: Outline, ordinal: number, original: StreamEvent | null) => StreamEvent;

/**
 * Forwards the events of one attempt, and writes their cuts. A cut is written if and only if its event is forwarded, so
 * that ordinals and entries agree.
 */
export class Forwarder {
  readonly #writer = new CutWriter();
  readonly #build: BuildEvent;
  #held: Outline | null = null;

  constructor(build: BuildEvent) {
    this.#build = build;
  }

  get cuts(): CutWriter['cuts'] {
    return this.#writer.cuts;
  }

  /** Number of events that were forwarded. */
  get count(): number {
    return this.#writer.count;
  }

  /**
   * Returns the events to forward now: none if this one is held to be merged with the next, or if there is no room for
   * its shape. What is held comes before what follows it.
   */
  push(outline: Outline, original: StreamEvent | null): StreamEvent[] {
    const held = this.#held;
    if (held !== null && held.text === outline.text && isSame(held.at, outline.at)) {
      held.extend(outline);
      return held.total < this.#smallest() ? [] : this.flush();
    }
    const events = this.flush();
    if (outline.isOnlyDelta && outline.total < this.#smallest()) this.#held = outline;
    else events.push(...this.#emit(outline, original));
    return events;
  }

  /** Forwards an event that is not replayed and only keeps its number. */
  pushGap(outline: Outline, original: StreamEvent): StreamEvent[] {
    const events = this.flush();
    if (this.#writer.size > HARD_LIMIT) return events;
    events.push(this.#build(outline, this.count, original));
    this.#writer.addGap();
    return events;
  }

  /** Returns the event that was held, if any. */
  flush(): StreamEvent[] {
    const held = this.#held;
    this.#held = null;
    return held === null ? [] : this.#emit(held, null);
  }

  #emit(outline: Outline, original: StreamEvent | null): StreamEvent[] {
    if (this.#writer.size > HARD_LIMIT && !outline.isOnlyDelta) return [];
    const ordinal = this.count;
    return this.#writer.add(outline) ? [this.#build(outline, ordinal, original)] : [];
  }

  #smallest(): number {
    const over = this.#writer.size - SOFT_LIMIT;
    return over < 0 ? 0 : SMALLEST_DELTA * 2 ** Math.floor(over / 1024);
  }
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, position) => value === other[position]);
}
