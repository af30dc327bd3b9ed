/** A request that waits for its turn in a lane. */
export interface Ticket {
  /** Names the request's run. An attempt that comes back has the id of the one that was sent back. */
  readonly id: string;
  readonly project: string;
  /** Share of the turns in relation to other projects. */
  readonly weight: number;
  /** 1 is the highest priority. */
  readonly priority: number;
  /** When the request began to wait, Unix ms by Temporal's clock. */
  readonly sinceMs: number;
  /** Tokens that its call will count, estimated. At least 1. */
  readonly tokens: number;
}

/** The place of a ticket in the line. It is kept while its attempt is away. */
export interface Place<T extends Ticket> {
  ticket: T;
  /** When the attempt is expected back, Unix ms. Null = the attempt is in this process. */
  backAtMs: number | null;
  /** Whether the attempt has just come. */
  isNew: boolean;
  /** The project's turn. The lower one goes first. */
  readonly turn: number;
}

/** A place that is not taken up this long after its time is given up: another worker has the attempt. */
const EXPIRES_AFTER_MS = 5_000;

/**
 * The line of a lane. The order is the priority, then fair turns between projects, then the age. Fair turns: a
 * project's next ticket comes 1 / weight after its last one, and never before the turn that was served last
 * (start-time fair queuing).
 */
export interface Line<T extends Ticket> {
  /** Takes a place, or takes up the place that the ticket has. */
  enter(ticket: T): Place<T>;
  /** The first place whose attempt is in this process. */
  first(): Place<T> | null;
  /** The places whose attempts are in this process, in order, each with the number of places before it. */
  present(): Iterable<readonly [place: Place<T>, before: number]>;
  /** The number of places before this one. */
  before(place: Place<T>): number;
  /** Ends the place. `isServed`: its turn was used. */
  leave(place: Place<T>, isServed: boolean): void;
  /** All that wait, those away included. */
  size(): number;
  /** The tokens of all that wait. */
  tokens(): number;
  /** Forgets the places of attempts that did not come back. */
  expire(nowMs: number): void;
}

export function createLine<T extends Ticket>(): Line<T> {
  const byId = new Map<string, Place<T>>();
  /** Sorted. */
  const places: Place<T>[] = [];
  const lastTurns = new Map<string, number>();
  let served = 0;
  let tokens = 0;

  function compare(one: Place<T>, other: Place<T>): number {
    return (
      one.ticket.priority - other.ticket.priority ||
      one.turn - other.turn ||
      one.ticket.sinceMs - other.ticket.sinceMs ||
      (one.ticket.id < other.ticket.id ? -1 : 1)
    );
  }

  /** Index of the place, or where it belongs. */
  function indexOf(place: Place<T>): number {
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = places[middle];
      if (there === undefined || there === place) return middle;
      if (compare(there, place) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function nextTurn({ project, priority, weight }: T): number {
    const name = `${priority}/${project}`;
    const turn = Math.max(served, lastTurns.get(name) ?? 0) + 1 / weight;
    lastTurns.set(name, turn);
    return turn;
  }

  function remove(place: Place<T>): void {
    const index = indexOf(place);
    if (places[index] !== place) return;
    places.splice(index, 1);
    tokens -= place.ticket.tokens;
    byId.delete(place.ticket.id);
    if (places.length === 0) lastTurns.clear();
  }

  return {
    enter(ticket) {
      const known = byId.get(ticket.id);
      if (known !== undefined) {
        tokens += ticket.tokens - known.ticket.tokens;
        [known.ticket, known.backAtMs, known.isNew] = [ticket, null, true];
        return known;
      }
      const place: Place<T> = { ticket, backAtMs: null, isNew: true, turn: nextTurn(ticket) };
      places.splice(indexOf(place), 0, place);
      byId.set(ticket.id, place);
      tokens += ticket.tokens;
      return place;
    },
    first: () => places.find(({ backAtMs }) => backAtMs === null) ?? null,
    *present() {
      for (const [before, place] of places.entries()) if (place.backAtMs === null) yield [place, before];
    },
    before: indexOf,
    leave(place, isServed) {
      if (isServed) served = Math.max(served, place.turn - 1 / place.ticket.weight);
      remove(place);
    },
    size: () => places.length,
    tokens: () => tokens,
    expire(nowMs) {
      for (const place of places.filter(
        ({ backAtMs }) => backAtMs !== null && nowMs > backAtMs + EXPIRES_AFTER_MS,
      )) {
        remove(place);
      }
    },
  };
}
