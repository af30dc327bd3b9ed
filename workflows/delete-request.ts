import { proxyActivities } from '@temporalio/workflow';
import type { Deletion, Housekeeping } from '../src/domain/run-contract.ts';

const { deleteRuns } = proxyActivities<Housekeeping>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '60 seconds' },
});

/**
 * The run that takes over the id of a request that is being deleted: while it is there, the id reads as gone
 * and is not free. It deletes the request's runs and itself, so its end is never seen.
 */
export async function deleteRequest(deletion: Deletion): Promise<void> {
  await deleteRuns(deletion);
}
