import { activityInfo, getClient } from '@temporalio/activity';
import { cancelRequested } from '../reading/read-run.ts';
import { createRpcBudget, withinBudget } from '../rpc-budget.ts';

/** A missing answer must not hold the call up for longer. */
const WITHIN_MS = 2_000;

/** Whether the cancellation of this activity's run was accepted already; false where Temporal does not say in time. */
export async function isCancelRequested(): Promise<boolean> {
  const { workflowId, runId } = activityInfo().workflowExecution ?? {};
  if (workflowId === undefined) return false;
  const client = getClient();
  const budget = createRpcBudget(WITHIN_MS);
  const describe = client.connection.withDeadline(budget.deadlineMs, () =>
    client.workflow.getHandle(workflowId, runId).describe(),
  );
  return withinBudget(budget, describe).then(cancelRequested, () => false);
}
