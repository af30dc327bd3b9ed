import type { WorkflowExecutionDescription } from '@temporalio/client';
import { optionalTsToDate } from '../sdk-internals.ts';
import type { temporal } from '@temporalio/proto';
import { beginAttempt, closeGaps, type Journal } from '../../domain/journal.ts';
import { refusalToBegin } from '../../domain/retry-policy.ts';
import { asksFirst, countedOver, type RunActivities, type RunMemo } from '../../domain/run-contract.ts';
import { PendingActivityState } from '../sdk-internals.ts';
import type { Decoder } from './decode.ts';

/** The part of `describe()` about an activity that has not ended. */
export type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;

/** The run's pending upstream call. For a closed run, the call that was still open when the run closed. */
export function findPendingActivity({ raw }: WorkflowExecutionDescription): PendingActivity | undefined {
  const name: keyof RunActivities<never> = 'callUpstream';
  return raw.pendingActivities?.find(({ activityType }) => activityType?.name === name);
}

/** Whether no attempt is running: the first or the next one is still to come. */
export function isWaiting({ state }: PendingActivity): boolean {
  return (
    state === PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED ||
    state === PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED
  );
}

/** An attempt that has begun for so long has made its call, or has recorded that it waits for its turn. */
export const JUST_STARTED_MS = 100;

/**
 * Whether the running attempt may be sent back at any moment without a call. Then it is not counted as an attempt, so
 * a reader waits for a moment, because the number of attempts must not decrease.
 */
export function isJustStarted(pending: PendingActivity): boolean {
  if (isWaiting(pending)) return false;
  const ageMs = Date.now() - (optionalTsToDate(pending.lastStartedTime)?.getTime() ?? NaN);
  return ageMs >= 0 && ageMs < JUST_STARTED_MS;
}

/** The events that end a run while its call is open. */
export interface Ending {
  /** A cancellation was accepted. */
  readonly isCancelled: boolean;
  /** Unix ms by Temporal's clock. */
  readonly deadlineMs: number;
}

const NOT_ENDING: Ending = { isCancelled: false, deadlineMs: Infinity };

/**
 * Whether the running attempt may end without a call. It does if it began after the deadline. It may if it
 * asks Temporal before it calls, and a cancellation was accepted or the deadline has passed.
 */
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
 * The journal up to now. If the activity is waiting, it holds every attempt before the next one; otherwise it
 * includes the running attempt.
 *
 * @param earlier the journal of the runs before this one
 * @param ending what may keep the running attempt from making its call. Such an attempt is counted only once
 *   it has recorded that its call began
 */
export async function readPendingJournal(
  pending: PendingActivity,
  decoder: Decoder,
  memo: RunMemo,
  earlier: Journal,
  ending: Ending = NOT_ENDING,
): Promise<Journal> {
  const journal = (await decoder.journal(pending.heartbeatDetails)) ?? earlier;
  // While the activity waits, `attempt` is already the number of the next attempt.
  const attempt = pending.attempt ?? 1;
  if (isWaiting(pending)) return closeGaps(journal, attempt);
  const startedAt = optionalTsToDate(pending.lastStartedTime)?.toISOString() ?? null;
  // The running attempt may have written its beginning already. It may also have written its end before
  // Temporal has learned of it.
  if (isWritten(journal, attempt, startedAt)) return journal;
  const before = closeGaps(journal, attempt);
  // It waits for its turn, or looks for a stored result, or has not yet recorded that its call begins.
  if (before.paced !== undefined || before.storing !== undefined) return before;
  // This attempt makes no call; it only ends the request.
  if (refusalToBegin(before, countedOver(memo.options, earlier)) !== null) return before;
  if (mayMakeNoCall(pending, ending)) return before;
  return beginAttempt(before, attempt, startedAt);
}

/**
 * Whether the journal's last entry is this attempt. Attempt numbers start at 1 again after a reset of the
 * activity, so an entry that ended before this attempt began is another attempt.
 */
function isWritten(journal: Journal, attempt: number, startedAt: string | null): boolean {
  const last = journal.entries.at(-1);
  if (last?.activity_attempt !== attempt) return false;
  return last.finished_at === null || startedAt === null || last.finished_at > startedAt;
}
