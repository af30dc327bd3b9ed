import { activityInfo, getClient, heartbeat } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { isRunMemo, MEMO_KEY, type Housekeeping } from '../../domain/run.ts';
import { isNotFound } from '../grpc.ts';

/**
 * Deletes the runs of a request, oldest first, and last the run that asked for it, which holds the id until
 * then. Repeating it is harmless: a run that is gone already counts as deleted.
 */
export const deleteRuns: Housekeeping['deleteRuns'] = async ({ request_id, last_run_id }) => {
  const client = getClient();
  const runIds: string[] = [];
  for (
    let runId: string | null = last_run_id;
    runId !== null;
    runId = await runBefore(client, request_id, runId)
  ) {
    runIds.push(runId);
    heartbeat();
  }
  // Oldest first: a repetition still finds the newest, which leads to the others.
  for (const runId of runIds.toReversed()) await deleteRun(client, request_id, runId);
  await deleteRun(client, request_id, activityInfo().workflowExecution?.runId ?? '');
};

async function runBefore(client: Client, workflowId: string, runId: string): Promise<string | null> {
  const description = await orGone(client.workflow.getHandle(workflowId, runId).describe());
  const memo = description?.memo?.[MEMO_KEY];
  return isRunMemo(memo) ? (memo.earlier?.run_id ?? null) : null;
}

async function deleteRun(client: Client, workflowId: string, runId: string): Promise<void> {
  const { namespace } = client.options;
  await orGone(
    client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId, runId } }),
  );
}

async function orGone<T>(call: Promise<T>): Promise<T | null> {
  return call.catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
}
