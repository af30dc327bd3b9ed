import type { Client } from '@temporalio/client';
import { ActivityFailure, TimeoutFailure } from '@temporalio/common';
import { optionalTsToDate } from '../sdk-internals.ts';
import type { temporal } from '@temporalio/proto';
import { closeGaps, interruptAttempt, type Journal, longer } from '../../domain/journal.ts';
import { textOf, type TextOrRef } from '../../domain/raw-json.ts';
import type { RequestError } from '../../domain/record.ts';
import { isJournal } from '../../domain/run-contract.ts';
import { CANCELLED_ERROR, toRunEnd } from '../../domain/run-end.ts';
import { RetryState } from '../sdk-internals.ts';
import type { Decoder } from './decode.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** The state of a run's upstream call in the history, with all its attempts. */
export type ActivityEnd =
  | { readonly kind: 'not scheduled' }
  | { readonly kind: 'open' }
  | {
      readonly kind: 'completed';
      readonly result: TextOrRef;
      readonly journal: Journal;
      readonly at: Date | null;
    }
  | {
      readonly kind: 'failed';
      readonly error: RequestError;
      readonly journal: Journal;
      readonly at: Date | null;
    };

/** Number of events to read from the end. No run has this many after its activity was scheduled. */
const LAST_EVENTS = 20;
/** The SDK's name for the marker that a local activity leaves in the history. */
export const LOCAL_ACTIVITY_MARKER = 'core_local_activity';

/**
 * Reads the end of a run's upstream call from the newest events of its history. Needs no worker.
 *
 * @param earlier the journal of the runs before this one
 */
export async function readActivityEnd(
  client: Client,
  decoder: Decoder,
  execution: { workflowId: string; runId: string },
  earlier: Journal,
): Promise<ActivityEnd> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: LAST_EVENTS,
  });
  const events = history?.events ?? [];
  const attempt = events.find((event) => event.activityTaskStartedEventAttributes)
    ?.activityTaskStartedEventAttributes?.attempt;
  for (const event of events) {
    const end = await callEnd(event, attempt ?? null, decoder, earlier);
    if (end?.kind === 'failed') {
      return { ...end, journal: longer(end.journal, await recalledJournal(events, decoder)) };
    }
    if (end !== null) return end;
  }
  return { kind: 'not scheduled' };
}

/**
 * The journal that the workflow last recalled through a local activity. It holds all attempts before the
 * workflow cancelled the call.
 */
async function recalledJournal(events: readonly HistoryEvent[], decoder: Decoder): Promise<Journal | null> {
  const marker = events.find(
    (event) => event.markerRecordedEventAttributes?.markerName === LOCAL_ACTIVITY_MARKER,
  )?.markerRecordedEventAttributes;
  return decoder.journal(marker?.details?.['result']);
}

async function callEnd(
  event: HistoryEvent,
  attempt: number | null,
  decoder: Decoder,
  earlier: Journal,
): Promise<ActivityEnd | null> {
  const at = optionalTsToDate(event.eventTime) ?? null;
  const completed = event.activityTaskCompletedEventAttributes;
  if (completed) {
    const result = await decoder.result(completed.result);
    const journal = isJournal(result.beside) ? result.beside : earlier;
    return { kind: 'completed', result: textOf(result), journal, at };
  }
  const canceled = event.activityTaskCanceledEventAttributes;
  if (canceled) {
    const journal = (await decoder.journal(canceled.details)) ?? earlier;
    return { kind: 'failed', error: CANCELLED_ERROR, journal, at };
  }
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  if (failed) {
    const failure = await decoder.failure(failed.failure);
    const end = toRunEnd(withRetryState(failure, failed.retryState), earlier);
    return { kind: 'failed', error: end.error, journal: completeJournal(end.journal, failure, attempt), at };
  }
  if (event.activityTaskScheduledEventAttributes) return { kind: 'open' };
  return null;
}

/**
 * Completes the journal of a timed-out attempt. The timeout carries only the last heartbeat; the number of
 * the attempt it ended is in the started event.
 */
function completeJournal(journal: Journal, failure: Error | undefined, attempt: number | null): Journal {
  if (!(failure instanceof TimeoutFailure) || attempt === null) return journal;
  return interruptAttempt(closeGaps(journal, attempt + 1));
}

/**
 * Wraps the failure and its retry state in the SDK's class, which {@link toRunEnd} expects. In the event they
 * are separate.
 */
function withRetryState(
  failure: Error | undefined,
  retryState: temporal.api.enums.v1.RetryState | null | undefined,
): ActivityFailure {
  return new ActivityFailure(undefined, '', undefined, toRetryState(retryState), undefined, failure);
}

function toRetryState(
  state: temporal.api.enums.v1.RetryState | null | undefined,
): ConstructorParameters<typeof ActivityFailure>[3] {
  if (state === RetryState.RETRY_STATE_TIMEOUT) return 'TIMEOUT';
  if (state === RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED) return 'MAXIMUM_ATTEMPTS_REACHED';
  return 'NON_RETRYABLE_FAILURE';
}
