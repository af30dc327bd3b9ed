import type { Client, WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { optionalTsToDate } from '../sdk-internals.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { beginAttempt, interruptAttempt, type Journal } from '../../domain/journal.ts';
import type { RequestError } from '../../domain/record.ts';
import { EVENTS_OF_A_START, RECORD_QUERY, type RunMemo } from '../../domain/run-contract.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR, requestError, TERMINATED_ERROR } from '../../domain/run-end.ts';
import { FailureReason, RequestStatus } from '../../domain/vocabulary.ts';
import type { Decoder } from './decode.ts';
import {
  type Ending,
  findPendingActivity,
  isWaiting,
  type PendingActivity,
  readPendingJournal,
} from './pending-activity.ts';
import { readPreviousRuns } from './previous-runs.ts';
import { readActivityEnd } from './run-history.ts';
import { createCallBudget, withinBudget } from '../calls/call-budget.ts';

/** The state of one run. It is read from Temporal alone, so it needs no worker. */
export interface RunState {
  readonly status: RequestStatus;
  readonly journal: Journal;
  readonly error: RequestError | null;
  readonly result: Uint8Array | null;
  readonly nextAttemptAt: Date | null;
  readonly completedAt: Date | null;
}

/** Budget for the workflow's answer to a query. A workflow task takes 10 ms. */
const QUERY_MS = 250;
/**
 * Pause before the next read if no worker answers the query of {@link untilWorkflowTaskIsDone}. The caller's
 * deadline limits the number of reads.
 */
const HELD_BACK_MS = 25;

export async function readRun(
  client: Client,
  decoder: Decoder,
  description: WorkflowExecutionDescription,
  memo: RunMemo,
): Promise<RunState> {
  const earlier = await readEarlierRuns(client, decoder, description, memo);
  const running = isOpen(description);
  const pending = findPendingActivity(description);
  if (running && pending) return pendingRun(pending, decoder, memo, earlier, endingOf(description, memo));
  if (running && description.historyLength <= EVENTS_OF_A_START) return open(RequestStatus.queued, earlier);

  // The activity's end in the history is the request's end, even if the run has not closed yet.
  const { workflowId, runId } = description;
  const end = await readActivityEnd(client, decoder, { workflowId, runId }, earlier);
  if (running && end.kind === 'open') {
    const handle = client.workflow.getHandle(workflowId, runId);
    await untilWorkflowTaskIsDone(client, handle);
    return readRun(client, decoder, await handle.describe(), memo);
  }
  // `completedAt` must be the same before and after the run closes, because a terminal record does not
  // change.
  const endedAt = 'at' in end ? end.at : null;
  const completedAt = endedAt ?? description.closeTime ?? null;
  if (end.kind === 'completed') {
    const { journal, result } = end;
    const ended = { status: RequestStatus.completed, error: null, nextAttemptAt: null };
    return { ...ended, journal, result, completedAt };
  }
  const journal = end.kind === 'failed' ? end.journal : earlier;
  if (running) {
    if (end.kind !== 'failed') return open(RequestStatus.queued, journal);
    // The workflow will close as cancelled, no matter how the call ended.
    return failed(cancelRequested(description) ? CANCELLED_ERROR : end.error, journal, completedAt);
  }
  const left = end.kind === 'open' ? await journalLeftBehind(pending, decoder, memo, earlier) : journal;
  return failed(closedError(description, end.kind === 'failed' ? end.error : null), left, completedAt);
}

/**
 * Waits for the running workflow task. Until it is done, Temporal withholds the call's end: the call is
 * neither pending nor in the history. Temporal answers a query as soon as the task is done. If no worker
 * answers the query, this waits for a short pause instead.
 */
async function untilWorkflowTaskIsDone(client: Client, handle: WorkflowHandle): Promise<void> {
  const budget = createCallBudget(QUERY_MS);
  const query = client.connection.withDeadline(budget.deadlineMs, () => handle.query(RECORD_QUERY));
  await withinBudget(budget, query).catch(() => sleep(HELD_BACK_MS));
}

/**
 * Whether the run has not closed. A run that an operator has paused counts as open, because its call may
 * still end.
 */
export function isOpen({ status }: WorkflowExecutionDescription): boolean {
  return status.name === 'RUNNING' || status.name === 'PAUSED';
}

/** Whether Temporal has accepted a cancellation of this run. */
export function cancelRequested({ raw }: WorkflowExecutionDescription): boolean {
  return raw.workflowExtendedInfo?.cancelRequested ?? false;
}

/** The run's accepted cancellation and its deadline. */
export function endingOf(description: WorkflowExecutionDescription, memo: RunMemo): Ending {
  return { isCancelled: cancelRequested(description), deadlineMs: deadlineMsOf(description, memo) };
}

/** The deadline counts from the run's start, by Temporal's clock. Unix ms. */
export function deadlineMsOf({ startTime }: WorkflowExecutionDescription, { options }: RunMemo): number {
  return startTime.getTime() + options.deadline_seconds * 1000;
}

/** The journal of the earlier runs. Every read of a run starts from it. */
export function readEarlierRuns(
  client: Client,
  decoder: Decoder,
  description: WorkflowExecutionDescription,
  memo: RunMemo,
): Promise<Journal> {
  return readPreviousRuns(client, decoder, description, memo, (before) =>
    readRun(client, decoder, before, memo).then(({ journal }) => journal),
  );
}

async function pendingRun(
  pending: PendingActivity,
  decoder: Decoder,
  memo: RunMemo,
  earlier: Journal,
  ending: Ending,
): Promise<RunState> {
  const journal = await readPendingJournal(pending, decoder, memo, earlier, ending);
  if (!isWaiting(pending)) return open(RequestStatus.processing, journal);
  if (journal.begun === earlier.begun) return open(RequestStatus.queued, journal);
  const nextAttemptAt = optionalTsToDate(pending.nextAttemptScheduleTime) ?? null;
  return { ...open(RequestStatus.retrying, journal), nextAttemptAt };
}

/**
 * The journal of a run that Temporal closed while its activity was open. The outcome of the last attempt is
 * unknown.
 */
async function journalLeftBehind(
  pending: PendingActivity | undefined,
  decoder: Decoder,
  memo: RunMemo,
  earlier: Journal,
): Promise<Journal> {
  if (!pending) return interruptAttempt(beginAttempt(earlier, 1, null));
  return interruptAttempt(await readPendingJournal(pending, decoder, memo, earlier));
}

function closedError(
  description: WorkflowExecutionDescription,
  activityError: RequestError | null,
): RequestError {
  switch (description.status.name) {
    case 'CANCELLED':
      return CANCELLED_ERROR;
    case 'TERMINATED':
      return TERMINATED_ERROR;
    case 'TIMED_OUT':
      return DEADLINE_ERROR;
    default:
      return activityError ?? requestError('deadline_exceeded', FailureReason.deadlineExceeded);
  }
}

function open(status: RequestStatus, journal: Journal): RunState {
  return { status, journal, error: null, result: null, nextAttemptAt: null, completedAt: null };
}

function failed(error: RequestError, journal: Journal, completedAt: Date | null): RunState {
  const status = error.code === CANCELLED_ERROR.code ? RequestStatus.cancelled : RequestStatus.failed;
  return { status, journal, error, result: null, nextAttemptAt: null, completedAt };
}
