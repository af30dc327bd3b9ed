import { activityInfo, getClient } from '@temporalio/activity';
import {
  ActivityCancelledError,
  type AsyncCompletionClient,
  type AsyncCompletionOperationOptions,
} from '@temporalio/client';
import type { Journal } from '../../domain/journal.ts';
import { createCallBudget, withinBudget } from '../calls/call-budget.ts';

/** Time limit of a report. */
const WITHIN_MS = 5_000;

/**
 * Reports on the running attempt by a direct call, whose answer proves that Temporal has it on disk. The SDK's own
 * reports cannot be awaited.
 *
 * @throws if Temporal does not confirm it within 5 s. It may have it all the same
 */
export async function reportOnAttempt(
  report: (
    activity: AsyncCompletionClient,
    taskToken: Uint8Array,
    options: AsyncCompletionOperationOptions,
  ) => Promise<void>,
): Promise<void> {
  const { taskToken, activityId, namespace, workflowExecution } = activityInfo();
  const { workflowId } = workflowExecution ?? {};
  if (workflowId === undefined) throw new TypeError('an attempt belongs to a workflow');
  const client = getClient();
  const budget = createCallBudget(WITHIN_MS);
  const serializationContext = {
    type: 'activity',
    namespace,
    workflowId,
    activityId,
    isLocal: false,
  } as const;
  const call = client.connection.withDeadline(budget.deadlineMs, () =>
    report(client.activity, taskToken, { serializationContext }),
  );
  await withinBudget(budget, call);
}

/** Writes the journal of the running attempt to Temporal. Resolves when Temporal has it on disk. */
export async function recordJournal(journal: Journal): Promise<void> {
  await reportOnAttempt((activity, taskToken, options) =>
    activity.heartbeat(taskToken, journal, options),
  ).catch((error: unknown) => {
    // Temporal has recorded it, and reports that the attempt is cancelled. The SDK's next heartbeat reports it, too.
    if (!(error instanceof ActivityCancelledError)) throw error;
  });
}
