import type { StoredRequest, Wait } from '../domain/requests.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { hold } from './hold.ts';
import type { OwnRuns } from './own-runs.ts';
import { createRpcBudget } from './rpc-budget.ts';

/** The record, at once or when it is terminal: `Requests.read`. */
export async function readRequest(
  { availability, waiters, longPolls }: TemporalRequestsDependencies,
  runs: OwnRuns,
  id: string,
  wait: Wait,
): Promise<StoredRequest | null> {
  const waiter = waiters.join(id);
  try {
    const budget = createRpcBudget();
    await availability.ensure();
    const run = await runs.findOwn(id, budget);
    if (run === null) return null;
    const stored = await runs.load(run, budget);
    if (stored.record.terminal || wait.ms <= 0) return stored;
    await hold(waiter, longPolls, id, wait);
    const after = createRpcBudget();
    const again = await runs.findOwn(id, after);
    return again === null ? null : await runs.load(again, after);
  } finally {
    waiter.leave();
  }
}
