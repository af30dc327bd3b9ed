import type { WorkflowExecutionDescription } from '@temporalio/client';
import { optionalTsToDate } from '../sdk-internals.ts';
import type { temporal } from '@temporalio/proto';
import { beginAttempt, closeGaps, type Journal } from '../../domain/journal.ts';
import { refusalToBegin } from '../../domain/retry-policy.ts';
import { asksFirst, countedOver, type RunActivities, type RunMemo } from '../../domain/run-contract.ts';
import { PendingActivityState } from '../sdk-internals.ts';
import type { Decoder } from './decode.ts';

/** What `describe()` says of an activity that has not ended. */
export type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;

/** The run's upstream call, if it is pending; a closed run keeps the one it was closed over. */
export function findPendingActivity({ raw }: WorkflowExecutionDescription): PendingActivity | undefined {
  const name: keyof RunActivities<never> = 'callUpstream';
  return raw.pendingActivities?.find(({ activityType }) => activityType?.name === name);
}

/** Whether no attempt runs: the first, or the next, is to come. */
export function isWaiting({ state }: PendingActivity): boolean {
  return (
    state === PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED ||
    state === PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED
  );
}

/** What ends a run by itself. */
export interface Ending {
  /** A cancellation was accepted. */
  readonly isCancelled: boolean;
  /** Unix ms by Temporal's clock. */
  readonly deadlineMs: number;
}

const NOT_ENDING: Ending = { isCancelled: false, deadlineMs: Infinity };

/** Whether the running attempt may find that it must not call: it began too late, or asks first. */
function mayMakeNoCall(
  { attempt, scheduledTime, lastStartedTime }: PendingActivity,
  { isCancelled, deadlineMs }: Ending,
): boolean {
  const startedMs = optionalTsToDate(lastStartedTime)?.getTime() ?? NaN;
  const scheduledMs = optionalTsToDate(scheduledTime)?.getTime() ?? NaN;
  if (startedMs >= deadlineMs) return true;
  return (isCancelled || Date.now() >= deadlineMs) && asksFirst(attempt ?? 1, startedMs - scheduledMs);
}

/**
 * The journal with every attempt before the one to come, or with the one that runs.
 *
 * @param earlier the journal of the runs before this one
 * @param ending what may keep the running attempt from making its call; readers do not count it then until it
 *   has written that it did
 */
export async function readPendingJournal(
  pending: PendingActivity,
  decoder: Decoder,
  memo: RunMemo,
  earlier: Journal,
  ending: Ending = NOT_ENDING,
): Promise<Journal> {
  const journal = (await decoder.journal(pending.heartbeatDetails)) ?? earlier;
  // An attempt to come carries its number already.
  const attempt = pending.attempt ?? 1;
  if (isWaiting(pending)) return closeGaps(journal, attempt);
  const startedAt = optionalTsToDate(pending.lastStartedTime)?.toISOString() ?? null;
  // The running attempt may have written its beginning already, and its end before Temporal knows of it.
  if (isWritten(journal, attempt, startedAt)) return journal;
  const before = closeGaps(journal, attempt);
  // It makes no call and only ends the request.
  if (refusalToBegin(before, countedOver(memo.options, earlier)) !== null) return before;
  if (mayMakeNoCall(pending, ending)) return before;
  return beginAttempt(before, attempt, startedAt);
}

/** After a reset of the activity its numbers start anew: what ended before this attempt began is another. */
function isWritten(journal: Journal, attempt: number, startedAt: string | null): boolean {
  const last = journal.entries.at(-1);
  if (last?.activity_attempt !== attempt) return false;
  return last.finished_at === null || startedAt === null || last.finished_at > startedAt;
}
