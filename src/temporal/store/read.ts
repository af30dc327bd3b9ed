import { enter } from '../../domain/limit.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import type { StoredRequest, Wait } from '../../domain/requests.ts';
import { afterWait, createCallBudget } from '../calls/call-budget.ts';
import { startWait } from '../waiting/waiters.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { oursOrNull, type RunFinder } from './find-run.ts';

/** Reads the record, at once or when it is terminal. Implements `Requests.read`. */
export async function readRequest(
  { availability, waiters, reading }: TemporalRequestsDependencies,
  runs: RunFinder,
  ref: RequestRef,
  wait: Wait,
): Promise<StoredRequest | null> {
  const place = enter(reading);
  const left = startWait(wait);
  const waiter = waiters.join(ref.workflowId);
  try {
    const budget = createCallBudget();
    await availability.ensure();
    const found = oursOrNull(await runs.look(ref, budget));
    place.leave();
    if (found === null) return null;
    if (found.stored.record.terminal || !(await waiter.wait(left())).wasHeld) return found.stored;
    // A caller that was held gets no error. If Temporal does not answer now, it gets the record read before
    // the wait.
    const again = await runs.look(ref, afterWait(wait.signal)).then(oursOrNull, () => found);
    return again?.stored ?? null;
  } finally {
    waiter.leave();
    place.leave();
  }
}
