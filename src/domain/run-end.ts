import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { type FailureCode, FAILURES } from './error-catalogue.ts';
import { interruptAttempt, type Journal } from './journal.ts';
import { endMessage, whatHappened } from './failure-message.ts';
import type { RequestError } from './record.ts';
import { isJournal } from './run-contract.ts';
import type { UpstreamFailure } from './upstream-failure.ts';
import { FailureReason } from './vocabulary.ts';
import { isObject } from './raw-json.ts';

/** Creates an error of ReqRun, without any data from the upstream. */
export function requestError(code: FailureCode, reason: FailureReason): RequestError {
  return {
    code,
    message: FAILURES[code].meaning,
    reason,
    upstream_status: null,
    upstream_code: null,
    upstream_type: null,
    upstream_param: null,
    upstream_request_id: null,
    retry_after_ms: null,
  };
}

/**
 * Creates the error of a request whose last attempt ended in `failure`. The upstream's identifiers are
 * included only if the failure's own code ends the request, because they would mislead under another code.
 *
 * @param attempts calls begun so far
 */
export function requestErrorOf(
  failure: UpstreamFailure,
  code: FailureCode,
  reason: FailureReason,
  attempts: number,
): RequestError {
  const upstreamsOwn = code === failure.code;
  return {
    ...requestError(code, reason),
    message: endMessage(failure, code, reason, attempts),
    upstream_status: failure.upstreamStatus,
    upstream_request_id: failure.upstreamRequestId,
    retry_after_ms: failure.retryAfterMs,
    upstream_code: upstreamsOwn ? failure.upstreamCode : null,
    upstream_type: upstreamsOwn ? failure.upstreamType : null,
    upstream_param: upstreamsOwn ? failure.upstreamParam : null,
  };
}

/**
 * Creates the error of a failed attempt that Temporal is going to repeat. It stays true whether or not a
 * later attempt succeeds.
 */
export function passingErrorOf(failure: UpstreamFailure): RequestError {
  const error = requestErrorOf(failure, failure.code, FailureReason.terminal, 0);
  return { ...error, message: `${whatHappened(failure)}.` };
}

export const CANCELLED_ERROR = requestError('request_cancelled', FailureReason.cancelled);
export const TERMINATED_ERROR = requestError('terminated', FailureReason.terminated);
export const DEADLINE_ERROR = requestError('deadline_exceeded', FailureReason.deadlineExceeded);

/**
 * The result of a run that did not complete. It is stored in the details of the run's failure and of its
 * activity's failure.
 */
export interface RunEnd {
  readonly error: RequestError;
  readonly journal: Journal;
}

/**
 * Reads how a run ended from the failure of its activity. The workflow uses it to end the run. A reader uses
 * it to show the run before the workflow has ended it, so both report the same end.
 *
 * @param otherwise the journal to use if the failure carries none
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

/**
 * Reads the end from the details of ReqRun's own failure. Temporal may have ended the retries for its own
 * reason, which then decides.
 */
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
