import { activityInfo, getClient } from '@temporalio/activity';
import { optionalTsToDate } from '@temporalio/common/lib/time.js';
import type { Inquiry } from '../../../activities/index.ts';
import { findPendingCall } from '../reading/pending-call.ts';
import { cancelRequested } from '../reading/read-run.ts';
import { createRpcBudget, withinBudget } from '../rpc-budget.ts';

/** A missing answer must not hold the call up for longer. */
const WITHIN_MS = 2_000;
const UNANSWERED: Inquiry = { isCancelled: false, startedAtMs: null };

/** What Temporal says of the attempt that asks. */
export async function inquire(): Promise<Inquiry> {
  const { workflowId, runId } = activityInfo().workflowExecution ?? {};
  if (workflowId === undefined) return UNANSWERED;
  const client = getClient();
  const budget = createRpcBudget(WITHIN_MS);
  const describe = client.connection.withDeadline(budget.deadlineMs, () =>
    client.workflow.getHandle(workflowId, runId).describe(),
  );
  return withinBudget(budget, describe).then(
    (description) => ({
      isCancelled: cancelRequested(description),
      startedAtMs: optionalTsToDate(findPendingCall(description)?.lastStartedTime)?.getTime() ?? null,
    }),
    () => UNANSWERED,
  );
}
