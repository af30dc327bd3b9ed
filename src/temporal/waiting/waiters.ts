import type { Limit, Place } from '../../domain/limit.ts';
import type { SettledRun, Wait } from '../../domain/requests.ts';

/**
 * The callers that wait for a result in this process, by workflow id. Four events can answer a waiting
 * caller. The first one wins:
 *
 * 1. Early completion (worker/early-completion.ts): this process's worker knows that Temporal has the result.
 *    This comes 5 ms before the next event. Measured: it lowers the p50 of the added time to 0.95 of its
 *    value without it, and raises requests per second to 1.01.
 * 2. The workflow's sink (worker/create-worker.ts): the run has settled in this process, with any outcome.
 * 3. The long poll (long-polls.ts): Temporal reports that the run has closed. Needed if the worker is another
 *    process.
 * 4. Reading again (store/submit.ts, store/read.ts): the wait is over, or the long poll brought no result.
 */
export interface Waiters {
  /** Starts listening. Call it before anything that may settle the run. */
  join(workflowId: string): Waiter;
  /** Takes the place of a held caller. Null = a limit is reached. */
  hold(projectPlaces: Limit): Place | null;
  /** Number of callers held. */
  held(): number;
  /** Answers all callers that wait for the run. */
  settle(workflowId: string, run: SettledRun): void;
}

export interface Waiter {
  /** Holds the caller until its run has settled or the wait is over. */
  wait(wait: Wait): Promise<HeldCaller>;
  /**
   * Resolves to the run when it has settled, for a caller that has a place. Null = the wait is over, or the run must be
   * read from Temporal.
   */
  settled(wait: Pick<Wait, 'ms' | 'signal'>): Promise<SettledRun | null>;
  leave(): void;
}

/**
 * What happened to a caller after `wait`. It was not held if its wait was 0 or over, or if a limit was
 * reached. `settled` is the run as this process's worker settled it. Null = the run must be read from Temporal.
 */
export type HeldCaller =
  { readonly wasHeld: false } | { readonly wasHeld: true; readonly settled: SettledRun | null };

/** Learns from Temporal that a run has closed. Used if the worker is another process. */
export interface LongPolls {
  /**
   * Resolves when the run has closed or the wait is over. Resolves at once if the limit of polls is reached.
   */
  untilClosed(workflowId: string, wait: Pick<Wait, 'ms' | 'signal'>): Promise<void>;
}

const NOT_HELD: HeldCaller = { wasHeld: false };

/**
 * @param places limit of callers held at once. Callers that have joined but do not wait are not counted
 * @param longPolls null = this process's own worker settles every run
 */
export function createWaiters(places: Limit, longPolls: LongPolls | null): Waiters {
  const listeners = new Map<string, Set<(run: SettledRun) => void>>();

  /**
   * Waits until the run settles or closes. Ends the long poll as soon as the run has settled, because the run
   * may close later and other callers need the poll's place.
   */
  async function untilSettled(
    workflowId: string,
    settled: Promise<SettledRun>,
    { ms, signal }: Pick<Wait, 'ms' | 'signal'>,
  ): Promise<SettledRun | null> {
    if (longPolls === null) return raceWait(settled, { ms, signal });
    const over = new AbortController();
    const until = { ms, signal: AbortSignal.any([signal, over.signal]) };
    void longPolls.untilClosed(workflowId, until).then(() => over.abort());
    return raceWait(settled, until).finally(() => over.abort());
  }

  function hold(projectPlaces: Limit): Place | null {
    if (projectPlaces.isFull()) return null;
    const place = places.take();
    if (place === null) return null;
    const projectPlace = projectPlaces.take();
    return {
      leave: () => {
        place.leave();
        projectPlace?.leave();
      },
    };
  }

  function join(workflowId: string): Waiter {
    const { promise, resolve } = Promise.withResolvers<SettledRun>();
    const joined = listeners.get(workflowId) ?? new Set();
    listeners.set(workflowId, joined.add(resolve));
    return {
      wait: async (wait) => {
        if (wait.ms <= 0 || wait.signal.aborted) return NOT_HELD;
        const place = hold(wait.projectPlaces);
        if (place === null) return NOT_HELD;
        const settled = await untilSettled(workflowId, promise, wait).finally(() => place.leave());
        return { wasHeld: true, settled };
      },
      settled: (wait) => untilSettled(workflowId, promise, wait),
      leave: () => {
        joined.delete(resolve);
        if (joined.size === 0 && listeners.get(workflowId) === joined) listeners.delete(workflowId);
      },
    };
  }

  return {
    join,
    hold,
    held: places.taken,
    settle: (workflowId, run) => {
      for (const resolve of listeners.get(workflowId) ?? []) resolve(run);
    },
  };
}

/** Resolves to `settled`. Resolves to null after `wait.ms`, or at once if the signal is aborted. */
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

/**
 * Starts the wait when the call arrives. The returned function gives the rest of the wait, so the time spent
 * on accepting or reading is part of the wait.
 */
export function startWait(wait: Wait): () => Wait {
  const untilMs = Date.now() + wait.ms;
  return () => ({ ...wait, ms: Math.max(0, untilMs - Date.now()) });
}
