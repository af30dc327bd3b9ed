import { proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { Journal } from '../src/domain/journal.ts';
import type { Housekeeping } from '../src/domain/run.ts';

/** Local ones: they must not queue behind the upstream calls of a worker that has all its hands full. */
const housekeeping = proxyLocalActivities<Housekeeping>({
  startToCloseTimeout: '5 seconds',
  scheduleToCloseTimeout: '30 seconds',
  retry: { initialInterval: '200 milliseconds', maximumInterval: '2 seconds' },
});

/** What Temporal holds of this run's attempts; null where it does not say. */
export function recallAttempts(): Promise<Journal | null> {
  return housekeeping.recallAttempts(thisRun()).catch(() => null);
}

/** The journal of the runs before this one, if an operator made it by a reset; null where not, or where Temporal does not say. */
export function recallEarlier(): Promise<Journal | null> {
  return housekeeping.recallEarlier(thisRun()).catch(() => null);
}

function thisRun(): { workflow_id: string; run_id: string } {
  const { workflowId, runId } = workflowInfo();
  return { workflow_id: workflowId, run_id: runId };
}
