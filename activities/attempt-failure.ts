import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { Journal } from '../src/domain/journal.ts';
import type { RequestOptions } from '../src/domain/options.ts';
import { CANCELLED_ERROR, requestError, requestErrorOf } from '../src/domain/request-error.ts';
import { decideRetry, refusalToBegin } from '../src/domain/retry-decision.ts';
import type { RunEnd } from '../src/domain/run-end.ts';
import type { UpstreamFailure } from '../src/domain/upstream-failure.ts';
import { FailureReason } from '../src/domain/words.ts';
import { describeFailure } from '../src/upstream/messages.ts';
import { Cancellation } from './cancellation.ts';

interface FailedAttempt {
  readonly failure: UpstreamFailure;
  /** Why the call was broken off; null when it was not. */
  readonly cancellation: Cancellation | null;
  /** With this attempt ended. */
  readonly journal: Journal;
  readonly options: RequestOptions;
  readonly timeLeftMs: number;
  readonly random: () => number;
}

/** How soon an attempt that its worker's shutdown broke off is made again by another worker. */
const AFTER_SHUTDOWN_MS = 1;

/** What the activity throws: Temporal retries it after the delay, ends the run with it, or cancels. */
export function attemptFailure(attempt: FailedAttempt): ApplicationFailure | CancelledFailure {
  const { failure, cancellation, journal, options, timeLeftMs, random } = attempt;
  switch (cancellation) {
    case Cancellation.toldByTemporal:
      return new CancelledFailure(CANCELLED_ERROR.message, [journal]);
    case Cancellation.toldHere:
      // Temporal takes no cancellation from an activity that it has not yet told of one.
      return finalFailure({ error: CANCELLED_ERROR, journal });
    case Cancellation.interrupted:
      return interrupted(journal, options);
    case null:
      break;
  }

  const told = describeFailure(failure);
  const decision = decideRetry(failure, journal, options, timeLeftMs, random);
  if (!decision.retry) {
    return finalFailure({ error: requestErrorOf(failure, decision.code, decision.reason), journal }, told);
  }
  return ApplicationFailure.create({
    type: failure.code,
    message: `${told}; next attempt in ${seconds(decision.delayMs)} s`,
    nextRetryDelay: decision.delayMs,
    details: [
      { error: requestErrorOf(failure, failure.code, FailureReason.terminal), journal } satisfies RunEnd,
    ],
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
    message: 'the worker stopped during the call; another makes it again',
    nextRetryDelay: AFTER_SHUTDOWN_MS,
    details: [{ error, journal } satisfies RunEnd],
  });
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);
}
