import { overloaded, type Refusal } from '../../domain/refusal.ts';

/** How long a call may wait for its turn. */
export interface Turn {
  /** Unix ms. */
  readonly untilMs: number;
  /** Aborted = the call gives up its place in line. Absent = it never does. */
  readonly signal?: AbortSignal;
}

/**
 * Concurrency limit for calls to Temporal, with a first-in-first-out queue. If a whole crowd called at once,
 * each call would take longer than its timeout, and Temporal would be busy with retries only.
 */
export interface ConcurrencyQueue {
  /** @throws Refusal `overloaded` if the turn has not come in time or the signal aborts; `call` was not made */
  take<T>(turn: Turn, call: () => Promise<T>): Promise<T>;
  /** Number of calls that wait for their turn. */
  waiting(): number;
  /** Number of calls whose turn has come and that have not ended. */
  running(): number;
  /** Refuses all calls that wait for their turn. */
  refuseAll(refusal: Refusal): void;
}

/**
 * Starts that one process has open at Temporal at once; the same limit applies to reads. A higher limit takes
 * longer in total.
 */
export const CALLS_AT_ONCE = 32;

interface Waiting {
  /** Number of calls that have waited before this one, since the queue was created. */
  readonly ticket: number;
  begin(): void;
  refuse(refusal: Refusal): void;
}

/**
 * @param atOnce the limit, read before each turn
 * @param late the refusal of a call whose turn did not come in time. `ahead`: how many turns it still had to
 *   wait for
 */
export function createConcurrencyQueue(
  atOnce: () => number,
  late: (ahead: number) => Refusal = () => overloaded(),
): ConcurrencyQueue {
  const line = new Set<Waiting>();
  let running = 0;
  let tickets = 0;
  /** Ticket of the call whose turn came last. */
  let served = 0;

  function beginNext(): void {
    for (const next of line) {
      if (running >= atOnce()) return;
      line.delete(next);
      running += 1;
      served = next.ticket;
      next.begin();
    }
  }

  async function waitInLine({ untilMs, signal }: Turn): Promise<void> {
    if (signal?.aborted === true) throw overloaded();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const ticket = (tickets += 1);
    const refuse = (refusal: Refusal): void => {
      line.delete(waiting);
      reject(refusal);
    };
    const waiting: Waiting = { ticket, begin: resolve, refuse };
    const leave = (): void => refuse(overloaded());
    line.add(waiting);
    signal?.addEventListener('abort', leave, { once: true });
    const timer = setTimeout(() => refuse(late(ticket - served)), untilMs - Date.now());
    beginNext();
    await promise.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
    });
  }

  return {
    take: async (turn, call) => {
      if (line.size === 0 && running < atOnce()) running += 1;
      else await waitInLine(turn);
      try {
        return await call();
      } finally {
        running -= 1;
        beginNext();
      }
    },
    waiting: () => line.size,
    running: () => running,
    refuseAll: (refusal) => {
      for (const waiting of line) waiting.refuse(refusal);
    },
  };
}
