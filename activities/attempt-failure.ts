import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { AttemptEnd, Journal } from '../src/domain/journal.ts';
import type { RequestOptions } from '../src/domain/options.ts';
import { decideRetry, refusalToBegin, RESUME_DELAY_MS } from '../src/domain/retry-policy.ts';
import {
  CANCELLED_ERROR,
  passingErrorOf,
  requestError,
  requestErrorOf,
  type RunEnd,
} from '../src/domain/run-end.ts';
import { describeFailure, type UpstreamFailure } from '../src/domain/upstream-failure.ts';
import type { StreamProgress } from '../src/upstream/event-stream.ts';
import { AttemptStatus, Billed, FailureReason, Outcome, Phase } from '../src/domain/vocabulary.ts';

interface FailedAttempt {
  readonly failure: UpstreamFailure;
  /** Why the call was aborted. Null = it was not aborted. */
  readonly cancellation: Cancellation | null;
  /** The journal in which this attempt has ended. */
  readonly journal: Journal;
  readonly options: RequestOptions;
  readonly timeLeftMs: number;
  readonly random: () => number;
}

/** The error that the activity throws. By its type, Temporal retries after the delay, fails or cancels the run. */
export function attemptFailure(attempt: FailedAttempt): ApplicationFailure | CancelledFailure {
  const { failure, cancellation, journal, options, timeLeftMs, random } = attempt;
  switch (cancellation) {
    case Cancellation.reportedByTemporal:
      return new CancelledFailure(CANCELLED_ERROR.message, [journal]);
    case Cancellation.reportedHere:
      // Temporal rejects a CancelledFailure from an activity to which it has not yet delivered a cancellation.
      return finalFailure({ error: CANCELLED_ERROR, journal });
    case Cancellation.interrupted:
      return interrupted(journal, options);
    case null:
      break;
  }

  const told = describeFailure(failure);
  const decision = decideRetry(failure, journal, options, timeLeftMs, random);
  if (!decision.retry) {
    const error = requestErrorOf(failure, decision.code, decision.reason, journal.begun);
    return finalFailure({ error, journal }, told);
  }
  return ApplicationFailure.create({
    type: failure.code,
    message: `${told}; next attempt in ${seconds(decision.delayMs)} s`,
    nextRetryDelay: decision.delayMs,
    details: [{ error: passingErrorOf(failure), journal } satisfies RunEnd],
  });
}

/** The end of the request: Temporal makes no further attempt. */
export function finalFailure(end: RunEnd, told: string = end.error.message): ApplicationFailure {
  return ApplicationFailure.create({
    type: end.error.code,
    message: `${told}; not retried (${end.error.reason})`,
    nonRetryable: true,
    details: [end],
  });
}

function interrupted(journal: Journal, options: RequestOptions): ApplicationFailure {
  const refusal = refusalToBegin(journal, options);
  if (refusal !== null) return finalFailure({ error: refusal, journal });
  const error = requestError('attempt_interrupted', FailureReason.terminal);
  return ApplicationFailure.create({
    type: error.code,
    message: 'the worker stopped during the call; another worker makes the call again',
    nextRetryDelay: RESUME_DELAY_MS,
    details: [{ error, journal } satisfies RunEnd],
  });
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);
}

/** The journal's fields for a call that the upstream answered with a completion. */
export function succeededEnd(
  answer: {
    readonly status: number;
    readonly requestId: string | null;
    readonly stream: StreamProgress | null;
  },
  startedAtMs: number,
  endedAtMs: number,
): AttemptEnd {
  return {
    status: AttemptStatus.succeeded,
    outcome: Outcome.completed,
    billed: Billed.yes,
    phase: answer.stream?.first_event_ms == null ? Phase.body : Phase.stream,
    ...answer.stream,
    ...times(startedAtMs, endedAtMs),
    upstream_status: answer.status,
    upstream_request_id: answer.requestId,
    error_code: null,
    retry_after_ms: null,
  };
}

/**
 * The journal's fields for a call that failed or was aborted. The status of an aborted call is `cancelled` if
 * the request was cancelled, else `interrupted`. A call that was aborted before it was sent did not run.
 */
export function failedEnd(
  { failure, stream }: { readonly failure: UpstreamFailure; readonly stream: StreamProgress | null },
  cancellation: Cancellation | null,
  startedAtMs: number,
  endedAtMs: number,
): AttemptEnd {
  const end = {
    outcome: failure.outcome,
    billed: failure.billed,
    phase: failure.phase,
    ...stream,
    ...times(startedAtMs, endedAtMs),
    upstream_status: failure.upstreamStatus,
    upstream_request_id: failure.upstreamRequestId,
    retry_after_ms: failure.retryAfterMs,
  };
  if (cancellation === null) return { ...end, status: AttemptStatus.failed, error_code: failure.code };
  return cancellation !== Cancellation.interrupted
    ? { ...end, status: AttemptStatus.cancelled, error_code: 'request_cancelled' }
    : { ...end, status: AttemptStatus.interrupted, error_code: 'attempt_interrupted' };
}

function times(startedAtMs: number, endedAtMs: number): Pick<AttemptEnd, 'finished_at' | 'duration_ms'> {
  return {
    finished_at: new Date(endedAtMs).toISOString(),
    duration_ms: Math.max(0, Math.round(endedAtMs - startedAtMs)),
  };
}

/** Why a call is aborted. */
export const Cancellation = {
  /** The request was cancelled. Temporal reported it in the response to a heartbeat. */
  reportedByTemporal: 'reported by Temporal',
  /** The request was cancelled. This process reported it before the next heartbeat did. */
  reportedHere: 'reported here',
  /** The worker is stopping, or Temporal has given up on the attempt. */
  interrupted: 'interrupted',
} as const;
export type Cancellation = (typeof Cancellation)[keyof typeof Cancellation];

/**
 * Null if neither signal is aborted. The SDK aborts its signal for several reasons. Only the message of the
 * reason shows whether the request was cancelled.
 */
export function toCancellation(temporals: AbortSignal, ours: AbortSignal): Cancellation | null {
  if (temporals.aborted) {
    const { reason } = temporals;
    const asked = reason instanceof CancelledFailure && reason.message === 'CANCELLED';
    return asked ? Cancellation.reportedByTemporal : Cancellation.interrupted;
  }
  return ours.aborted ? Cancellation.reportedHere : null;
}
