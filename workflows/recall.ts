import { proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { Journal } from '../src/domain/journal.ts';
import { RECALL_RETRY } from '../src/domain/retry-policy.ts';
import type { Housekeeping } from '../src/domain/run-contract.ts';

/** Local activities, because these must not queue behind the upstream calls of a fully loaded worker. */
const ONE_TRY = {
  startToCloseTimeout: '5 seconds',
  retry: RECALL_RETRY,
} as const;
const bounded = proxyLocalActivities<Housekeeping>({ ...ONE_TRY, scheduleToCloseTimeout: '30 seconds' });
const untilKnown = proxyLocalActivities<Housekeeping>(ONE_TRY);

/**
 * Reads the journal of this run's attempts from Temporal. Null = Temporal holds none, or did not answer
 * within 30 s. The time is limited because a cancellation must finish.
 */
export function recallAttempts(): Promise<Journal | null> {
  return bounded.recallAttempts(thisRun()).catch(() => null);
}

/**
 * Reads the journal of the runs before this one if an operator created this run by a reset. Null = not a
 * reset run. Tries again without a time limit, because a call made without this journal would not be counted
 * correctly.
 */
export function recallEarlier(): Promise<Journal | null> {
  return untilKnown.recallEarlier(thisRun());
}

function thisRun(): { workflow_id: string; run_id: string } {
  const { workflowId, runId } = workflowInfo();
  return { workflow_id: workflowId, run_id: runId };
}
