import { CALLS_AT_ONCE } from '../calls/concurrency-queue.ts';

/** How starts are sent: how many at once, and which of them are eager. It follows from the line before them. */
export interface StartPace {
  /** Limit of concurrent starts. */
  atOnce(): number;
  /** Whether the first task of a run comes with the answer to its start, to this process's worker. */
  isEager(start: { readonly isAsync: boolean }): boolean;
  /** Looks at the line. Returns whether starts are sent in another way from now on. */
  follow(line: StartLine): boolean;
}

/** The starts of a process. */
export interface StartLine {
  /** Starts that wait for their turn and whose callers wait for results. */
  readonly held: number;
  /** Starts that wait for their turn and whose callers do not wait for results. */
  readonly async: number;
  /** Starts that Temporal has not answered. */
  readonly running: number;
}

/**
 * Limit of concurrent starts if the worker shares the process. Nothing else slows starts down, because
 * callers are answered before their run closes, and eager starts bypass the queue of the workflow tasks that
 * close runs. With twice this limit, runs that had ended but not closed piled up: 900 in 15 s (measured on
 * two cores).
 */
const STARTS_BESIDE_WORKER = 6;

/**
 * With so many starts in line whose callers wait for results, accepting comes before working: starts are not
 * eager, so that the runs wait in Temporal, and more of them are sent at once.
 */
const CROWD = 128;
/**
 * With so many starts in line whose callers do not wait for results, those are not eager. They are accepted
 * two to three times as fast as requests complete then (89 and 35 a second, measured on two cores). With more
 * of them at once, hardly any request would complete as long as callers post.
 */
const ASYNC_CROWD = 16;
/** So many starts in line are too many for that. */
const LONG_LINE = 1_000;
/**
 * Limit of concurrent starts then. With 64, a start took as much CPU time; but on a starved machine, at 45
 * starts a second, some were not answered in time.
 */
const STARTS_OF_A_CROWD = CALLS_AT_ONCE;

/** @param eagerStart whether the worker shares the process, so that starts may be eager */
export function createStartPace(eagerStart: boolean): StartPace {
  const usual = eagerStart ? STARTS_BESIDE_WORKER : CALLS_AT_ONCE;
  let isCrowd = false;
  let isAsyncCrowd = false;
  let isAcceptingFirst = false;
  return {
    atOnce: () => (isAcceptingFirst ? STARTS_OF_A_CROWD : usual),
    // A caller that waits passes the runs of those that do not, unless it is one of a crowd.
    isEager: ({ isAsync }) => eagerStart && !isCrowd && !(isAsync && isAsyncCrowd),
    follow: ({ held, async, running }) => {
      const before = [isCrowd, isAsyncCrowd, isAcceptingFirst];
      const isOver = held + async <= 0 && running <= usual;
      isCrowd = held >= CROWD || (isCrowd && held > 0);
      isAsyncCrowd = async >= ASYNC_CROWD || (isAsyncCrowd && async > 0);
      isAcceptingFirst = isCrowd || held + async >= LONG_LINE || (isAcceptingFirst && !isOver);
      return [isCrowd, isAsyncCrowd, isAcceptingFirst].some((one, at) => one !== before[at]);
    },
  };
}
