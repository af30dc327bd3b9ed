import { getClient } from '@temporalio/activity';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { isRunMemo, MEMO_KEY, type Housekeeping, type RunMemo } from '../../domain/run.ts';
import { decoderOf, type Decoder } from '../reading/decode.ts';
import { findPendingCall, readPendingJournal } from '../reading/pending-call.ts';
import { readEarlierRuns } from '../reading/read-run.ts';
import { isReset } from '../reading/run-before.ts';

/**
 * Reads the journal of a run's attempts, as every reader does. Temporal drops the journal of an activity that is
 * cancelled between two attempts, so the workflow asks for it first and has the answer in its history.
 */
export const recallAttempts: Housekeeping['recallAttempts'] = async (run) => {
  const { client, decoder, description, memo } = await describe(run);
  const pending = findPendingCall(description);
  if (pending === undefined || memo === null) return null;
  const earlier = await readEarlierRuns(client, decoder, description, memo);
  return readPendingJournal(pending, decoder, memo, earlier);
};

/** Reads what a run goes on from after a reset: Temporal's activity knows nothing of the run before. */
export const recallEarlier: Housekeeping['recallEarlier'] = async (run) => {
  const { client, decoder, description, memo } = await describe(run);
  if (memo === null || !isReset(description)) return null;
  return readEarlierRuns(client, decoder, description, memo);
};

interface Described {
  readonly client: Client;
  readonly decoder: Decoder;
  readonly description: WorkflowExecutionDescription;
  /** Null where it is none of ours. */
  readonly memo: RunMemo | null;
}

async function describe(run: { workflow_id: string; run_id: string }): Promise<Described> {
  const client = getClient();
  const description = await client.workflow.getHandle(run.workflow_id, run.run_id).describe();
  const memo = description.memo?.[MEMO_KEY];
  const decoder = decoderOf(client, run.workflow_id);
  return { client, decoder, description, memo: isRunMemo(memo) ? memo : null };
}
