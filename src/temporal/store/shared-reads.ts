import type { CallBudget } from '../calls/call-budget.ts';
import { createConcurrencyQueue } from '../calls/concurrency-queue.ts';

/**
 * Reads by id, a few at a time. Readers of one id that wait for their turn together share one read: it begins
 * after all of them have asked, so that nobody is answered with something older than the question.
 */
export type SharedReads<T> = (id: string, budget: CallBudget) => Promise<T>;

/** A read whose turn comes with less than this left is not worth beginning. */
const READ_MS = 1_000;

/** @param read rejects when its budget is used up; that of the first who asked is in force for all */
export function createSharedReads<T>(
  atOnce: number,
  read: (id: string, budget: CallBudget) => Promise<T>,
): SharedReads<T> {
  const turns = createConcurrencyQueue(atOnce);
  const waiting = new Map<string, Promise<T>>();
  return (id, budget) => {
    const shared = waiting.get(id);
    if (shared !== undefined) return shared;
    const untilMs = budget.deadlineMs - READ_MS;
    const noLonger = (): void => void waiting.delete(id);
    const own = turns.take(
      untilMs,
      () => {
        noLonger();
        return read(id, budget);
      },
      noLonger,
    );
    waiting.set(id, own);
    return own;
  };
}
