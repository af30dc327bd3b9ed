import { activityInfo, getClient, heartbeat } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Housekeeping } from '../../domain/run.ts';
import { orGone } from '../grpc.ts';
import { runBefore } from '../reading/run-before.ts';

/**
 * Deletes the runs of a request, oldest first, and last the run that asked for it, which holds the id until
 * then. Repeating it is harmless: a run that is gone already counts as deleted.
 */
export const deleteRuns: Housekeeping['deleteRuns'] = async ({ request_id, last_run_id }) => {
  const client = getClient();
  const runIds: string[] = [];
  let runId: string | null = last_run_id;
  while (runId !== null) {
    runIds.push(runId);
    heartbeat();
    runId = await orGone(before(client, request_id, runId));
  }
  // Oldest first: a repetition still finds the newest, which leads to the others.
  for (const runId of runIds.toReversed()) await deleteRun(client, request_id, runId);
  await deleteRun(client, request_id, activityInfo().workflowExecution?.runId ?? '');
};

async function before(client: Client, workflowId: string, runId: string): Promise<string | null> {
  return runBefore(client, await client.workflow.getHandle(workflowId, runId).describe());
}

async function deleteRun(client: Client, workflowId: string, runId: string): Promise<void> {
  const { namespace } = client.options;
  await orGone(
    client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId, runId } }),
  );
}
