import type { Limit } from '../../domain/limit.ts';
import type { SettledRun, Wait } from '../../domain/requests.ts';

/**
 * The callers that wait for a result in this process, by workflow id. Four things can answer one, the first that
 * happens does:
 *
 * 1. Early completion (worker/early-completion.ts): this process's worker knows that Temporal has the result. 5 ms
 *    sooner than the next (added p50 0.95 of what it was, requests a second 1.01).
 * 2. The workflow's sink (worker/create-worker.ts): the run has settled in this process, in whatever way.
 * 3. The long poll (long-polls.ts): Temporal says that the run has closed, where the worker is another process.
 * 4. Reading again (store/submit.ts, store/read.ts): the wait is over, or the long poll named no result.
 */
export interface Waiters {
  /** Starts listening; call before whatever may settle the run. */
  join(workflowId: string): Waiter;
  /** How many callers are held. */
  held(): number;
  /** Answers all callers that wait for the run. */
  settle(workflowId: string, run: SettledRun): void;
}

export interface Waiter {
  /** Holds the caller until its run has settled or the wait is over. */
  wait(wait: Wait): Promise<HeldCaller>;
  leave(): void;
}

/**
 * What became of a caller that asked to be held. Not held: it did not want to be, or no place was left. `settled`:
 * the run as this process's worker settled it; null where only Temporal knows.
 */
export type HeldCaller =
  { readonly wasHeld: false } | { readonly wasHeld: true; readonly settled: SettledRun | null };

/** Where the worker is elsewhere: learns from Temporal that a run has closed. */
export interface LongPolls {
  /** Resolves when the run has closed or the wait is over; at once where no further poll can be held. */
  untilClosed(workflowId: string, wait: Pick<Wait, 'ms' | 'signal'>): Promise<void>;
}

const NOT_HELD: HeldCaller = { wasHeld: false };

/**
 * @param places callers held at once; those who only listen for a moment don't count
 * @param longPolls null where every run is settled by this process's own worker
 */
export function createWaiters(places: Limit, longPolls: LongPolls | null): Waiters {
  const listeners = new Map<string, Set<(run: SettledRun) => void>>();

  /** A settled run may take a while to close; its poll's place is wanted before. */
  async function untilSettled(
    workflowId: string,
    settled: Promise<SettledRun>,
    { ms, signal }: Wait,
  ): Promise<SettledRun | null> {
    if (longPolls === null) return raceWait(settled, { ms, signal });
    const over = new AbortController();
    const until = { ms, signal: AbortSignal.any([signal, over.signal]) };
    void longPolls.untilClosed(workflowId, until).then(() => over.abort());
    return raceWait(settled, until).finally(() => over.abort());
  }

  function join(workflowId: string): Waiter {
    const { promise, resolve } = Promise.withResolvers<SettledRun>();
    const joined = listeners.get(workflowId) ?? new Set();
    listeners.set(workflowId, joined.add(resolve));
    return {
      wait: async (wait) => {
        if (wait.ms <= 0 || wait.signal.aborted || wait.projectPlaces.isFull()) return NOT_HELD;
        const place = places.take();
        if (place === null) return NOT_HELD;
        const projectPlace = wait.projectPlaces.take();
        const settled = await untilSettled(workflowId, promise, wait).finally(() => {
          place.leave();
          projectPlace?.leave();
        });
        return { wasHeld: true, settled };
      },
      leave: () => {
        joined.delete(resolve);
        if (joined.size === 0 && listeners.get(workflowId) === joined) listeners.delete(workflowId);
      },
    };
  }

  return {
    join,
    held: places.taken,
    settle: (workflowId, run) => {
      for (const resolve of listeners.get(workflowId) ?? []) resolve(run);
    },
  };
}

/** `settled`, or null after `wait.ms` or at once when its signal is aborted. */
export async function raceWait<T>(settled: Promise<T>, wait: Pick<Wait, 'ms' | 'signal'>): Promise<T | null> {
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
export function startWait(wait: Wait): () => Wait {
  const untilMs = Date.now() + wait.ms;
  return () => ({ ...wait, ms: Math.max(0, untilMs - Date.now()) });
}
