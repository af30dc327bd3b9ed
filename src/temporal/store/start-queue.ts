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
   * run; the others resolve to `already started`. The reason: Temporal takes equal starts one after another
   * and refuses a crowd of them as "busy".
   *
   * @throws Refusal `overloaded` if the turn does not come in time, `service_unavailable` if Temporal does
   *   not answer
   */
  start(run: NewRun, budget: CallBudget): Promise<StartOutcome>;
}

/**
 * Limit of starts at once if the worker shares the process. Callers are answered before their run closes, and
 * eager starts bypass the queue in which the closing tasks wait. Only this limit holds starts back. With
 * twice as many at once, runs ended faster than they closed: 900 in 15 s (tried on two cores).
 */
const STARTS_BESIDE_WORKER = 6;

/**
 * @param start starts one run, now
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
          // An error about the first call's body (too large, say) does not apply to this call. It starts the
          // run itself.
          if (!joined || error instanceof Refusal) throw error;
        }
      }
    },
  };
}
