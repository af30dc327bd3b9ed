import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../domain/refusal.ts';
import type { RpcBudget } from '../rpc-budget.ts';
import { isOpen } from '../reading/read-run.ts';
import { own, type OwnRun, type OwnRuns } from './own-runs.ts';

const POLL_MS = 25;
/** Usually it takes one workflow task. */
const WITHIN_MS = 2_000;

/**
 * A run's end can be read a moment before Temporal has closed it, and only a closed run can be followed by
 * another. Resolves to false where another run has the id by now: a retry's, a deletion's, or none.
 *
 * @throws Refusal `service_unavailable` where no worker closes it in time
 */
export async function untilClosed(runs: OwnRuns, run: OwnRun, budget: RpcBudget): Promise<boolean> {
  const { workflowId, runId } = run.description;
  const giveUpMs = Math.min(Date.now() + WITHIN_MS, budget.deadlineMs);
  for (let seen: OwnRun | null = run; ; seen = own(await runs.find(workflowId, budget))) {
    if (seen?.description.runId !== runId) return false;
    if (!isOpen(seen.description)) return true;
    if (Date.now() >= giveUpMs) throw notClosed();
    await sleep(POLL_MS);
  }
}

/** The record is terminal already, so that a plain "not terminal" would contradict it. */
function notClosed(): Refusal {
  return new Refusal('service_unavailable', {
    message:
      'The run that has ended is not closed yet, which takes a worker and a run that is not paused in Temporal. Try again.',
    retryAfterSeconds: 2,
  });
}
