import { enter } from '../../domain/limit.ts';
import type { StoredRequest, Wait } from '../../domain/requests.ts';
import { afterWait, createCallBudget } from '../calls/call-budget.ts';
import { canHold, hold, startWait } from '../waiting/waiters.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { own, type RunFinder } from './find-run.ts';

/** The record, at once or when it is terminal: `Requests.read`. */
export async function readRequest(
  { availability, waiters, longPolls, reading }: TemporalRequestsDependencies,
  runs: RunFinder,
  workflowId: string,
  wait: Wait,
): Promise<StoredRequest | null> {
  const place = enter(reading);
  const waiter = waiters.join(workflowId);
  const left = startWait(wait);
  try {
    const budget = createCallBudget();
    await availability.ensure();
    const found = own(await runs.look(workflowId, budget));
    place.leave();
    if (found === null) return null;
    if (found.stored.record.terminal || !canHold(left(), waiters)) return found.stored;
    await hold(waiter, longPolls, workflowId, left());
    // Who was held is not refused afterwards: what was known must do where Temporal does not answer.
    const again = await runs.look(workflowId, afterWait(wait.signal)).then(own, () => found);
    return again?.stored ?? null;
  } finally {
    waiter.leave();
    place.leave();
  }
}
