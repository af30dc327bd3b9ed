import { activityInfo, getClient, heartbeat } from '@temporalio/activity';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { optionalTsToDate } from '../sdk-internals.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import { deleteRequestBlobs } from '../../blobs/request-blobs.ts';
import type { Inquiry } from '../../../activities/index.ts';
import { type Housekeeping, isRunMemo, MEMO_KEY, type RunMemo } from '../../domain/run-contract.ts';
import { createCallBudget, orGone, withinBudget } from '../calls/call-budget.ts';
import { type Decoder, decoderOf } from '../run-state/decode.ts';
import { findPendingActivity, readPendingJournal } from '../run-state/pending-activity.ts';
import { isReset, previousRunId } from '../run-state/previous-runs.ts';
import { cancelRequested, endingOf, readEarlierRuns } from '../run-state/read-run.ts';

/**
 * Reads the journal of a run's attempts, as every reader does. Temporal drops the journal of an activity that
 * is cancelled between two attempts. The workflow therefore calls this before it cancels, which puts the
 * journal into its history.
 */
export const recallAttempts: Housekeeping['recallAttempts'] = async (run) => {
  const { client, decoder, description, memo } = await describe(run);
  const pending = findPendingActivity(description);
  if (pending === undefined || memo === null) return null;
  const earlier = await readEarlierRuns(client, decoder, description, memo);
  return readPendingJournal(pending, decoder, memo, earlier, endingOf(description, memo));
};

/**
 * Reads the journal that a run continues after a reset, because Temporal's activity has no data of the
 * previous run.
 */
export const recallEarlier: Housekeeping['recallEarlier'] = async (run) => {
  const { client, decoder, description, memo } = await describe(run);
  if (memo === null || !isReset(description)) return null;
  return readEarlierRuns(client, decoder, description, memo);
};

interface Described {
  readonly client: Client;
  readonly decoder: Decoder;
  readonly description: WorkflowExecutionDescription;
  /** Null = the run is not ReqRun's. */
  readonly memo: RunMemo | null;
}

async function describe(run: { workflow_id: string; run_id: string }): Promise<Described> {
  const client = getClient();
  const description = await client.workflow.getHandle(run.workflow_id, run.run_id).describe();
  const memo = description.memo?.[MEMO_KEY];
  const decoder = decoderOf(client, run.workflow_id);
  return { client, decoder, description, memo: isRunMemo(memo) ? memo : null };
}

/**
 * Creates the activity that deletes the runs of a request, oldest first. Then it deletes their large texts, and last
 * the run that asked for this, which holds the id until then. Repeating it is harmless: a run that is gone already
 * counts as deleted.
 *
 * @param blobs null = there is no blob store
 */
export function createDeleteRuns(blobs: BlobStore | null): Housekeeping['deleteRuns'] {
  return async ({ workflow_id, last_run_id }) => {
    const client = getClient();
    const runIds: string[] = [];
    let runId: string | null = last_run_id;
    while (runId !== null) {
      runIds.push(runId);
      heartbeat();
      runId = await orGone(before(client, workflow_id, runId));
    }
    // Oldest first, because a repetition still finds the newest run, which leads to the others.
    for (const runId of runIds.toReversed()) await deleteRun(client, workflow_id, runId);
    const own = activityInfo().workflowExecution?.runId ?? '';
    if (blobs !== null) {
      // This run has the memo of the last run.
      const { memo } = await describe({ workflow_id, run_id: own });
      const named = new Set(memo?.body_blob === undefined ? [] : [memo.body_blob]);
      const place = { namespace: client.options.namespace, workflowId: workflow_id };
      await deleteRequestBlobs(blobs, place, named, Date.now());
    }
    await deleteRun(client, workflow_id, own);
  };
}

async function before(client: Client, workflowId: string, runId: string): Promise<string | null> {
  return previousRunId(client, await client.workflow.getHandle(workflowId, runId).describe());
}

async function deleteRun(client: Client, workflowId: string, runId: string): Promise<void> {
  const { namespace } = client.options;
  await orGone(
    client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId, runId } }),
  );
}

/** Longest delay of the upstream call if Temporal does not answer. */
const WITHIN_MS = 2_000;
const UNANSWERED: Inquiry = { isCancelled: false, startedAtMs: null, isSuperseded: false };

/** Asks Temporal for the state of the attempt that calls this. */
export async function inquire(): Promise<Inquiry> {
  const { attempt, workflowExecution } = activityInfo();
  const { workflowId, runId } = workflowExecution ?? {};
  if (workflowId === undefined) return UNANSWERED;
  const client = getClient();
  const budget = createCallBudget(WITHIN_MS);
  const describe = client.connection.withDeadline(budget.deadlineMs, () =>
    client.workflow.getHandle(workflowId, runId).describe(),
  );
  return withinBudget(budget, describe).then(
    (description) => {
      const pending = findPendingActivity(description);
      return {
        isCancelled: cancelRequested(description),
        startedAtMs: optionalTsToDate(pending?.lastStartedTime)?.getTime() ?? null,
        isSuperseded: pending !== undefined && (pending.attempt ?? 1) !== attempt,
      };
    },
    () => UNANSWERED,
  );
}
