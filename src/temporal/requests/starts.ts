import { Refusal } from '../../domain/refusal.ts';
import type { Availability } from '../availability.ts';
import { createFirstOfEquals, type Started } from './first-of-equals.ts';
import type { RpcBudget } from '../rpc-budget.ts';
import type { StartSettings } from './start-run.ts';
import { TRY_MS } from './start-until-known.ts';
import { CALLS_AT_ONCE, createTurns } from '../turns.ts';

/** The first runs that this process starts: one for equals, a few at a time, none while Temporal is away. */
export interface Starts {
  /**
   * @param start makes the start, at once or not at all
   * @throws Refusal `overloaded` when its turn does not come in time, `service_unavailable` without Temporal
   */
  start(id: string, budget: RpcBudget, start: () => Promise<Started>): Promise<Started>;
}

/**
 * Where the worker shares the process. Callers are answered before their run closes, and eager starts go past
 * the queue in which the closing tasks wait: nothing but this holds them back. With twice as many at once, runs
 * ended faster than they were closed, 900 in 15 s (tried on two cores).
 */
const STARTS_BESIDE_WORKER = 6;

export function createStarts(
  availability: Availability,
  { eagerStart }: Pick<StartSettings, 'eagerStart'>,
): Starts {
  const equals = createFirstOfEquals();
  const turns = createTurns(eagerStart ? STARTS_BESIDE_WORKER : CALLS_AT_ONCE);
  /** Whoever waited in vain behind starts that Temporal did not answer was not one too many. */
  async function explain(error: unknown): Promise<never> {
    if (error instanceof Refusal && error.code === 'overloaded') await availability.ensure();
    throw error;
  }

  return {
    start: (id, budget, start) =>
      equals.start(id, async () => {
        await availability.ensure();
        const begin = async (): Promise<Started> => {
          // Much may have happened since.
          await availability.ensure();
          const started = await start();
          availability.noteAnswer();
          return started;
        };
        return turns.take(budget.deadlineMs - TRY_MS, begin).catch(explain);
      }),
  };
}
