import { Refusal } from '../../domain/refusal.ts';
import type { Availability } from '../calls/availability.ts';
import type { CallBudget } from '../calls/call-budget.ts';
import { CALLS_AT_ONCE, createConcurrencyQueue } from '../calls/concurrency-queue.ts';
import { createSingleFlight } from '../calls/single-flight.ts';
import { type NewRun, type StartOutcome, TRY_MS } from './start-run.ts';

/**
 * Starts the first runs of requests. Equal starts share one call, a concurrency limit applies, and no start
 * is sent while Temporal is down.
 */
export interface StartQueue {
  /**
   * Starts the run when its turn comes. Of equal calls that arrive together, only the first one starts the
   * run, because Temporal processes equal starts one after another and rejects many at once as "busy". The
   * other calls resolve to `already started`.
   *
   * @throws Refusal `overloaded` if the turn does not come in time, `service_unavailable` if Temporal does
   *   not answer
   */
  start(run: NewRun, budget: CallBudget): Promise<StartOutcome>;
}

/**
 * Limit of concurrent starts if the worker shares the process. Nothing else slows starts down, because
 * callers are answered before their run closes, and eager starts bypass the queue of the workflow tasks that
 * close runs. With twice this limit, runs that had ended but not closed piled up: 900 in 15 s (measured on
 * two cores).
 */
const STARTS_BESIDE_WORKER = 6;

/**
 * @param start starts one run without queueing
 * @param eagerStart whether the worker shares the process
 */
export function createStartQueue(
  start: StartQueue['start'],
  eagerStart: boolean,
  availability: Availability,
): StartQueue {
  const starts = createSingleFlight<StartOutcome>();
  const queue = createConcurrencyQueue(eagerStart ? STARTS_BESIDE_WORKER : CALLS_AT_ONCE);

  async function startInTurn(run: NewRun, budget: CallBudget): Promise<StartOutcome> {
    await availability.ensure();
    const outcome = await start(run, budget);
    if (typeof outcome === 'string') availability.noteAnswer();
    return outcome;
  }

  /**
   * If the queue timed out because Temporal is down, report `service_unavailable` instead of `overloaded`.
   */
  async function explain(error: unknown): Promise<never> {
    if (error instanceof Refusal && error.code === 'overloaded') await availability.ensure();
    throw error;
  }

  return {
    async start(run, budget) {
      for (;;) {
        const { joined, result } = starts.fly(run.ref.workflowId, () =>
          queue.take(budget.deadlineMs - TRY_MS, () => startInTurn(run, budget)).catch(explain),
        );
        try {
          const outcome = await result;
          return joined && outcome === 'started' ? 'already started' : outcome;
        } catch (error) {
          // This call joined another call's start, which failed. An error that is not a refusal may be about
          // the other call's body (for example, too large), so this call starts the run itself.
          if (!joined || error instanceof Refusal) throw error;
        }
      }
    },
  };
}
