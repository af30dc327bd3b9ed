import { proxyActivities } from '@temporalio/workflow';
import { DELETION_RETRY } from '../src/domain/retry-policy.ts';
import type { Deletion, Housekeeping } from '../src/domain/run-contract.ts';

const { deleteRuns } = proxyActivities<Housekeeping>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '10 seconds',
  retry: DELETION_RETRY,
});

/**
 * The run that takes over the id of a request that is being deleted: while it is there, the id reads as gone
 * and is not free. It deletes the request's runs and itself, so its end is never seen.
 */
export async function deleteRequest(deletion: Deletion): Promise<void> {
  await deleteRuns(deletion);
}
