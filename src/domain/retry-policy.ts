import type { FailureCode } from './error-catalogue.ts';
import { countEndedWith, entriesOfThisRun, type Journal, lastOutcomeUnknown } from './journal.ts';
import type { RequestOptions } from './options.ts';
import type { RequestError } from './record.ts';
import { requestError } from './run-end.ts';
import { type Backoff, Retry, type UpstreamFailure } from './upstream-failure.ts';
import { FailureReason, OnUnknownOutcome } from './vocabulary.ts';

/**
 * The one place that decides about retrying: whether, when, and every number of a backoff. Temporal carries the
 * decisions out; the openai client retries nothing.
 */

/** Another attempt after `delayMs` (never 0: Temporal reads 0 as "no more retries"), or the end and why. */
export type RetryDecision =
  | { readonly retry: true; readonly delayMs: number }
  | { readonly retry: false; readonly code: FailureCode; readonly reason: FailureReason };

/** Our own backoff after the first failure of its kind; it doubles with each attempt of the run. */
const FIRST_BACKOFF_MS: Readonly<Record<Backoff, number>> = { usual: 1_000, overload: 5_000 };
const MAX_BACKOFF_MS = 60_000;
/** Tries of a failure that another try heals now and then only. */
const FEW_TRIES = 3;
/** How many attempts in all may end with the same code; as many as the request allows where there is none. */
const TRIES: Readonly<Partial<Record<Retry, number>>> = { twice: 2, few: FEW_TRIES };
/** Positive only: callers that were told the same second must not come back together, and never early. */
const MAX_JITTER = 0.25;

/**
 * What follows a failed attempt, within the request's own limits. The upstream's wish is a floor and never replaces
 * backing off: the delay is the longer of both, plus jitter. A wish beyond the deadline ends the request.
 *
 * @param journal with this attempt already ended
 * @param timeLeftMs until the request's deadline
 * @param random 0 (inclusive) to 1 (exclusive)
 */
export function decideRetry(
  failure: UpstreamFailure,
  journal: Journal,
  options: RequestOptions,
  timeLeftMs: number,
  random: () => number,
): RetryDecision {
  const end = (code: FailureCode, reason: FailureReason): RetryDecision => ({ retry: false, code, reason });
  if (failure.retry === Retry.never) return end(failure.code, FailureReason.terminal);
  if (timeLeftMs <= 0) return end('deadline_exceeded', FailureReason.deadlineExceeded);
  if (mustNotRepeat(journal, options)) return end('outcome_unknown', FailureReason.outcomeUnknown);
  const triesAllowed = TRIES[failure.retry] ?? Infinity;
  const isSpent = countEndedWith(journal, failure.code) >= triesAllowed;
  if (isSpent || isExhausted(journal, options)) return end(failure.code, FailureReason.attemptsExhausted);

  const toldMs = failure.retryAfterMs;
  if (toldMs !== null && toldMs >= timeLeftMs) return end(failure.code, FailureReason.deadlineExceeded);
  const ownMs = backoffMs(failure.backoff, entriesOfThisRun(journal).length);
  if (toldMs === null && ownMs >= timeLeftMs) return end('deadline_exceeded', FailureReason.deadlineExceeded);
  const floorMs = Math.max(toldMs ?? 0, withinTimeLeft(ownMs, timeLeftMs));
  const jitteredMs = Math.ceil(floorMs * (1 + MAX_JITTER * random()));
  return { retry: true, delayMs: Math.max(1, Math.min(jitteredMs, Math.max(floorMs, timeLeftMs - 1))) };
}

/**
 * Our own backoff where the upstream told a delay that still fits: it never ends the request early. Where it would,
 * half of the time left is waited, so that the last attempts have time to run.
 */
function withinTimeLeft(ownMs: number, timeLeftMs: number): number {
  return ownMs < timeLeftMs ? ownMs : timeLeftMs / 2;
}

/**
 * What forbids another attempt although Temporal has begun it, which it does when nobody was there to decide:
 * after a worker's death. Null when it may make its call. Readers ask it, too, and count no such attempt.
 *
 * @param journal with every attempt before it ended
 */
export function refusalToBegin(journal: Journal, options: RequestOptions): RequestError | null {
  if (mustNotRepeat(journal, options)) return requestError('outcome_unknown', FailureReason.outcomeUnknown);
  if (isExhausted(journal, options)) {
    return requestError('attempt_interrupted', FailureReason.attemptsExhausted);
  }
  return null;
}

function mustNotRepeat(journal: Journal, options: RequestOptions): boolean {
  return options.on_unknown_outcome === OnUnknownOutcome.fail && lastOutcomeUnknown(journal);
}

/** Whether `max_attempts` calls have begun, over all runs: the workflow adds those of earlier runs. */
function isExhausted(journal: Journal, options: RequestOptions): boolean {
  return options.max_attempts !== null && journal.begun >= options.max_attempts;
}

/** Exponential, factor 2, at most 60 s. */
function backoffMs(backoff: Backoff, attempts: number): number {
  return Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS[backoff] * 2 ** Math.min(attempts - 1, 16));
}

/** An attempt that ended with its worker is made again at once; 0 would mean "no more retries" to Temporal. */
export const RESUME_DELAY_MS = 1;

/**
 * How soon a worker that cannot read an attempt's payloads, or another one, is asked again. A missing key is put
 * right by hand.
 */
export const UNREADABLE_DELAY = '10 seconds';

/** What Temporal goes by when an attempt of the upstream call left no delay of its own: its worker died. */
export const UPSTREAM_CALL_RETRY = {
  initialInterval: '1 second',
  backoffCoefficient: 2,
  maximumInterval: '60 seconds',
} as const;

/** Reading what Temporal holds of a run: quick, because a cancellation or a reset waits for it. */
export const RECALL_RETRY = { initialInterval: '200 milliseconds', maximumInterval: '2 seconds' } as const;

/** Deleting a request's runs, however long Temporal is away. */
export const DELETION_RETRY = { initialInterval: '1 second', maximumInterval: '60 seconds' } as const;
