import { proxyActivities } from '@temporalio/workflow';
import { DELETION_RETRY } from '../src/domain/retry-policy.ts';
import type { Deletion, Housekeeping } from '../src/domain/run-contract.ts';

const { deleteRuns } = proxyActivities<Housekeeping>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '10 seconds',
  retry: DELETION_RETRY,
});

/**
 * The run that takes over the id of a request during its deletion. While this run exists, reads of the id
 * answer "not found" and the id is not free. The run deletes the request's runs and then itself, so readers
 * never see its end.
 */
export async function deleteRequest(deletion: Deletion): Promise<void> {
  await deleteRuns(deletion);
}
