import { Refusal } from '../../domain/refusal.ts';
import type { Availability } from '../calls/availability.ts';
import type { CallBudget } from '../calls/call-budget.ts';
import { CALLS_AT_ONCE, createConcurrencyQueue } from '../calls/concurrency-queue.ts';
import { createSingleFlight } from '../calls/single-flight.ts';
import { type NewRun, type StartOutcome, TRY_MS } from './start-run.ts';

/** The first runs that this process starts: one for equals, a few at a time, none while Temporal is away. */
export interface StartQueue {
  /**
   * Starts the run in its turn. Of equal calls that arrive together the first alone starts it, because Temporal
   * takes equals one after another and refuses a crowd of them as "busy"; the others hear `already started`.
   *
   * @throws Refusal `overloaded` when its turn does not come in time, `service_unavailable` without Temporal
   */
  start(run: NewRun, budget: CallBudget): Promise<StartOutcome>;
}

/**
 * Where the worker shares the process. Callers are answered before their run closes, and eager starts go past
 * the queue in which the closing tasks wait: nothing but this holds them back. With twice as many at once, runs
 * ended faster than they were closed, 900 in 15 s (tried on two cores).
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

  /** If the queue timed out because Temporal is down, that is what the caller hears. */
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
          // Wrong in itself (too large, say), the first start tells nothing about another one's body.
          if (!joined || error instanceof Refusal) throw error;
        }
      }
    },
  };
}
