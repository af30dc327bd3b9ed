import { activityInfo, getClient, heartbeat } from '@temporalio/activity';
import { isGrpcServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { isRunMemo, MEMO_KEY, type RunActivities } from '../src/domain/run.ts';

/** gRPC's NOT_FOUND. */
const NOT_FOUND = 5;

/**
 * Deletes the runs of a request, oldest first, and last the run that asked for it, which holds the id until
 * then. Repeating it is harmless: a run that is gone already counts as deleted.
 */
export const deleteRuns: RunActivities<never>['deleteRuns'] = async ({ request_id, last_run_id }) => {
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

function isNotFound(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return isGrpcServiceError(cause) && cause.code === NOT_FOUND;
}
