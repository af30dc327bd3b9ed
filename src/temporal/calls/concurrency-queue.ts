import { overloaded } from '../../domain/refusal.ts';

/**
 * Lets a few calls at a time through to Temporal; the others wait for their turn, in order. All of a crowd at
 * once would make each call slower than its timeout, and the repeats would be all the work that is done.
 */
export interface ConcurrencyQueue {
  /** @throws Refusal `overloaded` when the turn has not come by `untilMs` (Unix ms): `call` was not made */
  take<T>(untilMs: number, call: () => Promise<T>): Promise<T>;
}

/** Starts, and reads, of one process that Temporal works on at once; more of them take longer, not less. */
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

  /** Who has waited longest takes the place over. */
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
