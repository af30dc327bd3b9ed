import { getClient } from '@temporalio/activity';
import { isRunMemo, MEMO_KEY, type Housekeeping } from '../../domain/run.ts';
import { createDecoder } from '../reading/decode.ts';
import { findPendingCall, readPendingJournal } from '../reading/pending-call.ts';

/**
 * Reads the journal of a run's attempts, as any reader does. Temporal drops the journal of an activity that is
 * cancelled between two attempts, so the workflow asks for it first and has the answer in its history.
 */
export const recallAttempts: Housekeeping['recallAttempts'] = async ({ workflow_id, run_id }) => {
  const client = getClient();
  const description = await client.workflow.getHandle(workflow_id, run_id).describe();
  const pending = findPendingCall(description);
  const memo = description.memo?.[MEMO_KEY];
  if (pending === undefined || !isRunMemo(memo)) return null;
  return readPendingJournal(pending, createDecoder(client.options.loadedDataConverter), memo);
};
