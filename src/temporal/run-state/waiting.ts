import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { LaneWait } from '../../domain/lane.ts';
import type { Journal } from '../../domain/journal.ts';
import { EVENTS_OF_A_START, type RunMemo } from '../../domain/run-contract.ts';
import { WaitingFor } from '../../domain/vocabulary.ts';
import { optionalTsToDate, PendingActivityState } from '../sdk-internals.ts';
import type { PendingActivity } from './pending-activity.ts';

/** What an open run waits for before its next call, and until when. Null = it does not wait, or not known. */
export interface RunWait {
  readonly waitingFor: WaitingFor | null;
  readonly nextAttemptAt: Date | null;
  /** Why it waits for its lane. Null = it does not. */
  readonly waitingReason: string | null;
}

/** The wait of a run that makes a call or has ended. */
export const NO_WAIT: RunWait = { waitingFor: null, nextAttemptAt: null, waitingReason: null };
const FOR_A_WORKER: RunWait = { ...NO_WAIT, waitingFor: WaitingFor.worker };

/**
 * Determines the wait of an open run. Pure.
 *
 * @param pending the upstream call. Undefined = the workflow has not scheduled it yet
 * @param journal the journal of the pending call
 */
export function waitOf(
  description: WorkflowExecutionDescription,
  memo: RunMemo,
  pending: PendingActivity | undefined,
  journal: Journal,
): RunWait {
  if (pending !== undefined) return waitOfCall(pending, journal);
  const { run_at: runAt } = memo.options;
  if (!runAt || !isStartDelayed(description)) return FOR_A_WORKER;
  return { ...NO_WAIT, waitingFor: WaitingFor.startTime, nextAttemptAt: new Date(runAt) };
}

/** The wait between two attempts. An operator who has paused the call is not a wait that ends by itself. */
function waitOfCall(
  { state, nextAttemptScheduleTime }: PendingActivity,
  { paced }: Pick<Journal, 'paced'>,
): RunWait {
  const waitingReason = paced === undefined ? null : laneReason(paced);
  const isStarted = state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
  if (isStarted && waitingReason !== null)
    return { ...NO_WAIT, waitingFor: WaitingFor.pacing, waitingReason };
  if (state !== PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED) return NO_WAIT;
  // Temporal omits the time once it has come.
  const nextAttemptAt = optionalTsToDate(nextAttemptScheduleTime) ?? null;
  if (nextAttemptAt === null) return FOR_A_WORKER;
  const waitingFor = waitingReason === null ? WaitingFor.retry : WaitingFor.pacing;
  return { waitingFor, nextAttemptAt, waitingReason };
}

/**
 * Whether Temporal still delays the first workflow task. At the end of the delay, and at once after a
 * cancellation, Temporal schedules the task.
 */
function isStartDelayed({ historyLength, raw }: WorkflowExecutionDescription): boolean {
  return historyLength < EVENTS_OF_A_START && !raw.pendingWorkflowTask;
}

function laneReason({ lane, reason }: LaneWait): string {
  return lane === null ? reason : `lane ${lane}: ${reason}`;
}
