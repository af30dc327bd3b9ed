import type { Availability } from '../availability.ts';
import { createFirstOfEquals, type Started } from './first-of-equals.ts';
import type { RpcBudget } from '../rpc-budget.ts';
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

export function createStarts(availability: Availability): Starts {
  const equals = createFirstOfEquals();
  const turns = createTurns(CALLS_AT_ONCE);
  return {
    start: (id, budget, start) =>
      equals.start(id, async () => {
        await availability.ensure();
        return turns.take(budget.deadlineMs - TRY_MS, async () => {
          // Much may have happened since.
          await availability.ensure();
          const started = await start();
          availability.noteAnswer();
          return started;
        });
      }),
  };
}
