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
 * Limit of concurrent starts while accepting comes before working. These starts are not eager, so that the
 * runs wait in Temporal, and so many of them leave little time for the tasks of runs. With 64, a start took as
 * little CPU time; but on a starved machine, at 45 starts a second, some were not answered in time.
 */
const STARTS_OF_A_CROWD = CALLS_AT_ONCE;
/** With so many starts in line whose callers wait for results, accepting comes before working. */
const CROWD = 128;
/** The same for callers that do not wait for results: only acceptance matters to them. */
const ASYNC_CROWD = 16;

/** @param eagerStart whether the worker shares the process, so that starts may be eager */
export function createStartPace(eagerStart: boolean): StartPace {
  const usual = eagerStart ? STARTS_BESIDE_WORKER : CALLS_AT_ONCE;
  let isCrowd = false;
  let isAcceptingFirst = false;
  return {
    atOnce: () => (isAcceptingFirst ? STARTS_OF_A_CROWD : usual),
    // A caller that waits passes the runs of those that do not, unless it is one of a crowd.
    isEager: ({ isAsync }) => eagerStart && !(isAsync ? isAcceptingFirst : isCrowd),
    follow: ({ held, async, running }) => {
      const before = isAcceptingFirst;
      const isOver = held + async <= 0 && running <= usual;
      isCrowd = held >= CROWD || (isCrowd && held > 0);
      isAcceptingFirst = isCrowd || async >= ASYNC_CROWD || (isAcceptingFirst && !isOver);
      return isAcceptingFirst !== before;
    },
  };
}
