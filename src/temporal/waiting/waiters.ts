import type { Limit } from '../../domain/limit.ts';
import type { SettledRun, Wait } from '../../domain/requests.ts';

/**
 * The callers held in this process, by workflow id. Where the worker runs in the same process, it settles
 * them: with a completion as soon as Temporal has it, else by the workflow's own word.
 */
export interface Waiters {
  /** StartQueue listening; call before whatever may settle the run. */
  join(workflowId: string): Waiter;
  /** Whether no further caller can be held. */
  isFull(): boolean;
  /** How many callers are held. */
  held(): number;
  settle(workflowId: string, run: SettledRun): void;
}

export interface Waiter {
  /** Resolves to the settled run, or to null when the wait is over; at once where no place is left. */
  wait(wait: Wait): Promise<SettledRun | null>;
  leave(): void;
}

/** @param held the callers held at once; those who only listen for a moment don't count */
export function createWaiters(held: Limit): Waiters {
  const listeners = new Map<string, Set<(run: SettledRun) => void>>();

  function join(workflowId: string): Waiter {
    const { promise, resolve } = Promise.withResolvers<SettledRun>();
    const joined = listeners.get(workflowId) ?? new Set();
    listeners.set(workflowId, joined.add(resolve));
    return {
      wait: async (wait) => {
        const place = held.take();
        if (place === null) return null;
        return raceWait(promise, wait).finally(() => place.leave());
      },
      leave: () => {
        joined.delete(resolve);
        if (joined.size === 0 && listeners.get(workflowId) === joined) listeners.delete(workflowId);
      },
    };
  }

  return {
    join,
    isFull: held.isFull,
    held: held.taken,
    settle: (workflowId, run) => {
      for (const resolve of listeners.get(workflowId) ?? []) resolve(run);
    },
  };
}

/** `settled`, or null after `wait.ms` or at once when its signal is aborted. */
export async function raceWait<T>(settled: Promise<T>, wait: Wait): Promise<T | null> {
  if (wait.ms <= 0 || wait.signal.aborted) return null;
  const over = Promise.withResolvers<null>();
  const end = (): void => over.resolve(null);
  const timer = setTimeout(end, wait.ms);
  wait.signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([settled, over.promise]);
  } finally {
    clearTimeout(timer);
    wait.signal.removeEventListener('abort', end);
  }
}

/** A wait counts from the call's arrival: what was spent on accepting or reading is no longer to be waited. */
export function startWait({ ms, signal }: Wait): () => Wait {
  const untilMs = Date.now() + ms;
  return () => ({ ms: Math.max(0, untilMs - Date.now()), signal });
}

/** Whether the caller wants to be held and can be. */
export function canHold({ ms, signal }: Wait, waiters: { isFull(): boolean }): boolean {
  return ms > 0 && !signal.aborted && !waiters.isFull();
}

/** Where the worker is elsewhere: learns from Temporal that a run has closed. */
export interface LongPolls {
  /** Resolves when the run has closed or the wait is over; at once where no further poll can be held. */
  untilClosed(workflowId: string, wait: Wait): Promise<void>;
}

/**
 * Holds a caller until the run has settled or the wait is over.
 *
 * @param longPolls null where every run is settled by this process's own worker
 * @returns the settled run where this process's worker settled it, else null
 */
export async function hold(
  waiter: Waiter,
  longPolls: LongPolls | null,
  workflowId: string,
  wait: Wait,
): Promise<SettledRun | null> {
  if (longPolls === null) return waiter.wait(wait);
  const over = new AbortController();
  const until = { ms: wait.ms, signal: AbortSignal.any([wait.signal, over.signal]) };
  void longPolls.untilClosed(workflowId, until).then(() => over.abort());
  // A settled run may take a while to close; its poll's place is wanted before.
  return waiter.wait(until).finally(() => over.abort());
}
