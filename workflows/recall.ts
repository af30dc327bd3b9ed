import { proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { Journal } from '../src/domain/journal.ts';
import { RECALL_RETRY } from '../src/domain/retry-policy.ts';
import type { Housekeeping } from '../src/domain/run-contract.ts';

/** Local ones: they must not queue behind the upstream calls of a worker that has all its hands full. */
const ONE_TRY = {
  startToCloseTimeout: '5 seconds',
  retry: RECALL_RETRY,
} as const;
const bounded = proxyLocalActivities<Housekeeping>({ ...ONE_TRY, scheduleToCloseTimeout: '30 seconds' });
const untilKnown = proxyLocalActivities<Housekeeping>(ONE_TRY);

/** What Temporal holds of this run's attempts; null where it does not say within 30 s: a cancellation must end. */
export function recallAttempts(): Promise<Journal | null> {
  return bounded.recallAttempts(thisRun()).catch(() => null);
}

/**
 * The journal of the runs before this one, if an operator made it by a reset; null where not. Tried until it is
 * known, however long: a call that is made without it would be one too many for its record.
 */
export function recallEarlier(): Promise<Journal | null> {
  return untilKnown.recallEarlier(thisRun());
}

function thisRun(): { workflow_id: string; run_id: string } {
  const { workflowId, runId } = workflowInfo();
  return { workflow_id: workflowId, run_id: runId };
}
