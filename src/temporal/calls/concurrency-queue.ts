import { overloaded } from '../../domain/refusal.ts';

/**
 * Concurrency limit for calls to Temporal, with a first-in-first-out queue. If a whole crowd called at once,
 * each call would take longer than its timeout, and Temporal would be busy with retries only.
 */
export interface ConcurrencyQueue {
  /** @throws Refusal `overloaded` if the turn has not come by `untilMs` (Unix ms); `call` was not made */
  take<T>(untilMs: number, call: () => Promise<T>): Promise<T>;
}

/**
 * Starts that one process has open at Temporal at once; the same limit applies to reads. A higher limit takes
 * longer in total.
 */
export const CALLS_AT_ONCE = 32;

export function createConcurrencyQueue(atOnce: number): ConcurrencyQueue {
  const waiting = new Set<() => void>();
  let running = 0;

  async function begin(untilMs: number): Promise<void> {
    if (running < atOnce) {
      running += 1;
      return;
    }
    const turn = Promise.withResolvers<void>();
    waiting.add(turn.resolve);
    const late = setTimeout(() => {
      waiting.delete(turn.resolve);
      turn.reject(overloaded());
    }, untilMs - Date.now());
    await turn.promise.finally(() => clearTimeout(late));
  }

  /** Passes the place to the call that has waited longest. */
  function end(): void {
    const [next] = waiting;
    if (next === undefined) running -= 1;
    else {
      waiting.delete(next);
      next();
    }
  }

  return {
    take: async (untilMs, call) => {
      await begin(untilMs);
      try {
        return await call();
      } finally {
        end();
      }
    },
  };
}
