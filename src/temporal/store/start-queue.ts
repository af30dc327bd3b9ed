import { Refusal } from '../../domain/refusal.ts';
import type { Availability } from '../calls/availability.ts';
import type { CallBudget } from '../calls/call-budget.ts';
import { CALLS_AT_ONCE, createConcurrencyQueue } from '../calls/concurrency-queue.ts';
import { type Started, type StartSettings, TRY_MS } from './start-run.ts';

/** The first runs that this process starts: one for equals, a few at a time, none while Temporal is away. */
export interface StartQueue {
  /**
   * @param start makes the start, at once or not at all
   * @throws Refusal `overloaded` when its turn does not come in time, `service_unavailable` without Temporal
   */
  start(id: string, budget: CallBudget, start: () => Promise<Started>): Promise<Started>;
}

/**
 * Where the worker shares the process. Callers are answered before their run closes, and eager starts go past
 * the queue in which the closing tasks wait: nothing but this holds them back. With twice as many at once, runs
 * ended faster than they were closed, 900 in 15 s (tried on two cores).
 */
const STARTS_BESIDE_WORKER = 6;

export function createStartQueue(
  availability: Availability,
  { eagerStart }: Pick<StartSettings, 'eagerStart'>,
): StartQueue {
  const equals = createFirstOfEquals();
  const turns = createConcurrencyQueue(eagerStart ? STARTS_BESIDE_WORKER : CALLS_AT_ONCE);
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

/**
 * Of calls with one id that arrive together, the first alone starts the run. Temporal takes equals one after
 * another and refuses a crowd of them as "busy"; whoever comes second has nothing to start anyway.
 */
export interface FirstOfEquals {
  /** Resolves to what `start` said, and for the others to "already started"; what refuses the first refuses all. */
  start(id: string, start: () => Promise<Started>): Promise<Started>;
}

export function createFirstOfEquals(): FirstOfEquals {
  const starting = new Map<string, Promise<Started>>();
  return {
    async start(id, start) {
      const first = starting.get(id);
      if (first !== undefined) {
        const isKnown = await first.then(
          () => true,
          (error: unknown) => {
            if (error instanceof Refusal) throw error;
            return false;
          },
        );
        if (isKnown) return 'already started';
      }
      const own = start().finally(() => {
        if (starting.get(id) === own) starting.delete(id);
      });
      starting.set(id, own);
      return own;
    },
  };
}
