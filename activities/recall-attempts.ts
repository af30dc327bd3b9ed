import { getClient } from '@temporalio/activity';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { closeGaps, EMPTY_JOURNAL } from '../src/domain/journal.ts';
import { earlierJournal, isJournal, isRunMemo, MEMO_KEY, type RunActivities } from '../src/domain/run.ts';

/**
 * Reads the journal of a run's attempts from its pending activity. Temporal drops the journal of an activity
 * that is cancelled between two attempts, so the workflow asks for it first and has the answer in its history.
 */
export const recallAttempts: RunActivities<never>['recallAttempts'] = async ({ workflow_id, run_id }) => {
  const client = getClient();
  const { raw, memo } = await client.workflow.getHandle(workflow_id, run_id).describe();
  const call = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'callUpstream');
  if (call === undefined) return null;
  const { loadedDataConverter } = client.options;
  const details = await decodeArrayFromPayloads(loadedDataConverter, call.heartbeatDetails?.payloads);
  const ours = memo?.[MEMO_KEY];
  const earlier = isRunMemo(ours) ? earlierJournal(ours) : EMPTY_JOURNAL;
  const journal = details.find(isJournal) ?? earlier;
  const attempt = call.attempt ?? 1;
  // The attempt that runs may have written its end before Temporal knows of it.
  if (journal.entries.at(-1)?.activity_attempt === attempt) return journal;
  // One to come carries its number already: those before it have ended.
  return closeGaps(journal, attempt);
};
