import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { interruptAttempt, type Journal } from './journal.ts';
import type { RequestError } from './record.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR, requestError } from './request-error.ts';
import { isJournal, isObject } from './run.ts';
import { FailureReason } from './words.ts';

/** What a run that did not complete leaves behind; the details of its failure, and of its activity's. */
export interface RunEnd {
  readonly error: RequestError;
  readonly journal: Journal;
}

/**
 * Reads how a run ended from the failure of its activity. The workflow uses it to end the run, a reader to
 * show the run while the workflow has not ended it yet: both say the same.
 *
 * @param otherwise the journal where the failure carries none: what is known without it
 */
export function toRunEnd(failure: unknown, otherwise: Journal): RunEnd {
  const cause = failure instanceof ActivityFailure ? failure.cause : failure;
  const retryState = failure instanceof ActivityFailure ? failure.retryState : undefined;
  if (cause instanceof CancelledFailure) {
    return { error: CANCELLED_ERROR, journal: journalIn(cause.details) ?? otherwise };
  }
  if (cause instanceof TimeoutFailure) return timedOut(cause, retryState, otherwise);
  if (cause instanceof ApplicationFailure) return endOfApplicationFailure(cause, retryState, otherwise);
  return { error: requestError('internal_error', FailureReason.terminal), journal: otherwise };
}

export function isRunEnd(value: unknown): value is RunEnd {
  return isObject(value) && isObject(value['error']) && isJournal(value['journal']);
}

function timedOut(failure: TimeoutFailure, retryState: RetryState | undefined, otherwise: Journal): RunEnd {
  const journal = interruptAttempt(journalIn([failure.lastHeartbeatDetails]) ?? otherwise);
  const ofOneAttempt =
    failure.timeoutType === TimeoutType.HEARTBEAT || failure.timeoutType === TimeoutType.START_TO_CLOSE;
  if (ofOneAttempt && retryState === RetryState.MAXIMUM_ATTEMPTS_REACHED) {
    return { error: requestError('attempt_interrupted', FailureReason.attemptsExhausted), journal };
  }
  return { error: DEADLINE_ERROR, journal };
}

/** A failure of ours carries its end in its details; the server may have ended the retries on its own. */
function endOfApplicationFailure(
  failure: ApplicationFailure,
  retryState: RetryState | undefined,
  otherwise: Journal,
): RunEnd {
  const end = failure.details?.find(isRunEnd);
  if (end === undefined) {
    const code = failure.type === 'PayloadsTooLarge' ? 'upstream_response_too_large' : 'internal_error';
    return { error: requestError(code, FailureReason.terminal), journal: otherwise };
  }
  if (retryState === RetryState.TIMEOUT) return { ...end, error: DEADLINE_ERROR };
  if (retryState === RetryState.MAXIMUM_ATTEMPTS_REACHED) {
    return { ...end, error: { ...end.error, reason: FailureReason.attemptsExhausted } };
  }
  return end;
}

function journalIn(details: readonly unknown[] | null | undefined): Journal | undefined {
  return details?.find(isJournal);
}
