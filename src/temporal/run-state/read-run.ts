import type { Client, WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TextOrRef } from '../../domain/raw-json.ts';
import { beginAttempt, interruptAttempt, type Journal } from '../../domain/journal.ts';
import type { RequestError } from '../../domain/record.ts';
import { EVENTS_OF_A_START, RECORD_QUERY, type RunMemo } from '../../domain/run-contract.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR, requestError, TERMINATED_ERROR } from '../../domain/run-end.ts';
import { FailureReason, RequestStatus, type WaitingFor } from '../../domain/vocabulary.ts';
import type { Decoder } from './decode.ts';
import {
  type Ending,
  findPendingActivity,
  isJustStarted,
  isWaiting,
  JUST_STARTED_MS,
  type PendingActivity,
  readPendingJournal,
} from './pending-activity.ts';
import { isReset, readPreviousRuns } from './previous-runs.ts';
import { readActivityEnd } from './run-history.ts';
import { NO_WAIT, type RunWait, waitOf } from './waiting.ts';
import { createCallBudget, withinBudget } from '../calls/call-budget.ts';

/** The state of one run. It is read from Temporal alone, so it needs no worker. */
export interface RunState {
  readonly status: RequestStatus;
  readonly journal: Journal;
  readonly error: RequestError | null;
  readonly result: TextOrRef | null;
  /** Null while a call runs, and once the run has ended. */
  readonly waitingFor: WaitingFor | null;
  readonly nextAttemptAt: Date | null;
  /** Why it waits for its lane. Null = it does not. */
  readonly waitingReason: string | null;
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
  if (running && pending) {
    if (isJustStarted(pending)) {
      await sleep(JUST_STARTED_MS);
      const { workflowId, runId } = description;
      return readRun(client, decoder, await client.workflow.getHandle(workflowId, runId).describe(), memo);
    }
    const journal = await readPendingJournal(pending, decoder, memo, earlier, endingOf(description, memo));
    const wait = waitOf(description, memo, pending, journal);
    return open(pendingStatus(pending, journal, earlier), journal, wait);
  }
  const wait = waitOf(description, memo, pending, earlier);
  if (running && description.historyLength <= EVENTS_OF_A_START) {
    return open(RequestStatus.queued, earlier, wait);
  }

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
    return { ...NO_WAIT, status: RequestStatus.completed, error: null, journal, result, completedAt };
  }
  const journal = end.kind === 'failed' ? end.journal : earlier;
  if (running) {
    if (end.kind !== 'failed') return open(RequestStatus.queued, journal, wait);
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

/**
 * The deadline counts from the run's start and its start delay, by Temporal's clock. A reset run has no delay.
 * Unix ms.
 */
export function deadlineMsOf(
  description: WorkflowExecutionDescription,
  { options, start_delay_ms: delayMs = 0 }: RunMemo,
): number {
  const startMs = description.startTime.getTime() + (isReset(description) ? 0 : delayMs);
  return startMs + options.deadline_seconds * 1000;
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

function pendingStatus(pending: PendingActivity, journal: Journal, earlier: Journal): RequestStatus {
  if (!isWaiting(pending) && journal.paced === undefined) return RequestStatus.processing;
  return journal.begun === earlier.begun ? RequestStatus.queued : RequestStatus.retrying;
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

function open(status: RequestStatus, journal: Journal, wait: RunWait): RunState {
  return { ...wait, status, journal, error: null, result: null, completedAt: null };
}

function failed(error: RequestError, journal: Journal, completedAt: Date | null): RunState {
  const status = error.code === CANCELLED_ERROR.code ? RequestStatus.cancelled : RequestStatus.failed;
  return { ...NO_WAIT, status, journal, error, result: null, completedAt };
}
