import { activityInfo, getClient } from '@temporalio/activity';
import { setTimeout as sleep } from 'node:timers/promises';

/** A missing answer must not hold the call up for longer. */
const WITHIN_MS = 2_000;

/**
 * Whether the run's cancellation was accepted already. While no worker was up to carry it out, Temporal went on
 * scheduling attempts: the first one that comes back asks, so that none is made after a cancellation.
 */
export async function isCancelRequested(): Promise<boolean> {
  const { workflowId, runId } = activityInfo().workflowExecution ?? {};
  if (workflowId === undefined) return false;
  const client = getClient();
  const describe = client.connection.withDeadline(Date.now() + WITHIN_MS, () =>
    client.workflow.getHandle(workflowId, runId).describe(),
  );
  const answer = describe.then(
    ({ raw }) => raw.workflowExtendedInfo?.cancelRequested ?? false,
    () => false,
  );
  // The native client goes on beyond the deadline it was given.
  const waited = new AbortController();
  const late = sleep(WITHIN_MS, false, { signal: waited.signal }).catch(() => false);
  return Promise.race([answer, late]).finally(() => waited.abort());
}
