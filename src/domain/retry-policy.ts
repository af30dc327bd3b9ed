import type { FailureCode } from './error-catalogue.ts';
import { countEndedWith, entriesOfThisRun, type Journal, lastOutcomeUnknown } from './journal.ts';
import type { RequestOptions } from './options.ts';
import type { RequestError } from './record.ts';
import { requestError } from './run-end.ts';
import { type Backoff, Retry, type UpstreamFailure } from './upstream-failure.ts';
import { FailureReason, OnUnknownOutcome } from './vocabulary.ts';

/**
 * The only module that decides whether and when to retry, and that holds the numbers of every backoff. Temporal
 * carries out the decisions. The openai client retries nothing.
 */

/**
 * Either another attempt after `delayMs`, or the end of the request with its code and reason. `delayMs` is never 0,
 * because Temporal reads 0 as "no more retries".
 */
export type RetryDecision =
  | { readonly retry: true; readonly delayMs: number }
  | { readonly retry: false; readonly code: FailureCode; readonly reason: FailureReason };

/** ReqRun's own backoff after the first attempt of a run. It doubles with each attempt of the run. */
const FIRST_BACKOFF_MS: Readonly<Record<Backoff, number>> = { usual: 1_000, overload: 5_000 };
const MAX_BACKOFF_MS = 60_000;
/**
 * The longest backoff after a 429 that names no delay. It may be one that no time heals, and nothing in it says so: an
 * hour then has about 20 attempts instead of 60. Near the deadline a minute is the longest, as for all others.
 */
const MAX_SILENT_LIMIT_BACKOFF_MS = 300_000;
/** Limit on the attempts that end with a failure which another attempt only sometimes avoids. */
const FEW_TRIES = 3;
/** Limit on the attempts of a run that end with the same code. Without an entry, only the request's limits apply. */
const TRIES: Readonly<Partial<Record<Retry, number>>> = { twice: 2, few: FEW_TRIES };
/**
 * Spreads retries for which the upstream asked for the same delay. It is never negative, because a retry must not
 * come earlier than the upstream asked for.
 */
const MAX_JITTER = 0.25;

/**
 * Decides what follows a failed attempt, within the request's own limits. The delay is the longer of the delay that
 * the upstream asked for and ReqRun's own backoff, plus jitter. If the upstream asked for a delay that ends after the
 * deadline, the request ends.
 *
 * @param journal the journal in which this attempt has ended
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
  const isSilentLimit = failure.code === 'upstream_rate_limited' && toldMs === null;
  const mayWaitLong = isSilentLimit && timeLeftMs > 2 * MAX_SILENT_LIMIT_BACKOFF_MS;
  const mostMs = mayWaitLong ? MAX_SILENT_LIMIT_BACKOFF_MS : MAX_BACKOFF_MS;
  const ownMs = backoffMs(failure.backoff, entriesOfThisRun(journal).length, mostMs);
  if (toldMs === null && ownMs >= timeLeftMs) return end('deadline_exceeded', FailureReason.deadlineExceeded);
  const floorMs = Math.max(toldMs ?? 0, withinTimeLeft(ownMs, timeLeftMs));
  const jitteredMs = Math.ceil(floorMs * (1 + MAX_JITTER * random()));
  return { retry: true, delayMs: Math.max(1, Math.min(jitteredMs, Math.max(floorMs, timeLeftMs - 1))) };
}

/**
 * ReqRun's own backoff, limited to the time left. If the backoff does not fit, half of the time left is used instead,
 * because the upstream asked for a delay that fits and the last attempts need time to run.
 */
function withinTimeLeft(ownMs: number, timeLeftMs: number): number {
  return ownMs < timeLeftMs ? ownMs : timeLeftMs / 2;
}

/**
 * The error with which a started attempt must end without a call. Null if the attempt may make its call. This check is
 * needed because Temporal starts the next attempt without a decision of this policy if the worker died. Readers of the
 * record apply the same check, and do not count an attempt that must end without a call.
 *
 * @param journal the journal in which every earlier attempt has ended
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

/** Whether `max_attempts` is reached. Both numbers count over all runs, because the workflow adds earlier attempts. */
function isExhausted(journal: Journal, options: RequestOptions): boolean {
  return options.max_attempts !== null && journal.begun >= options.max_attempts;
}

/** Exponential, factor 2, at most `mostMs`. */
function backoffMs(backoff: Backoff, attempts: number, mostMs: number): number {
  return Math.min(mostMs, FIRST_BACKOFF_MS[backoff] * 2 ** Math.min(attempts - 1, 16));
}

/** Longest wait of a lane before it lets out a call that shows whether the upstream still refuses. */
const MAX_LANE_WAIT_MS = 30_000;
/** A lane's own backoff after the second refusal in a row. It doubles with each refusal. */
const FIRST_LANE_BACKOFF_MS = 250;

/**
 * How long a lane lets nothing out after a refusal. The first refusal alone needs no backoff, because the lane slows
 * down as well. A longer delay that the upstream asked for binds the refused request, not the whole lane.
 *
 * @param refusals in a row, without an answer between them; at least 1
 * @param toldMs the delay that the upstream asked for; null = none
 */
export function laneWaitMs(refusals: number, toldMs: number | null): number {
  const ownMs = FIRST_LANE_BACKOFF_MS * 2 ** Math.min(refusals - 1, 16);
  return Math.min(MAX_LANE_WAIT_MS, Math.max(ownMs, toldMs ?? 0));
}

/** Whether a lane lets out a single call after its wait, because it cannot know that the limit has room again. */
export function laneProbes(refusals: number, toldMs: number | null): boolean {
  return refusals >= 2 || (toldMs !== null && toldMs > MAX_LANE_WAIT_MS);
}

/** An attempt whose turn is further away than this goes back to Temporal. A shorter delay becomes 1 s there. */
export const LANE_HOLD_MS = 1_000;
/** Attempts that a lane sends back come back this much earlier than their turn, so that the lane never runs dry. */
const BACK_EARLIER_MS = 500;
/**
 * An attempt asks again after this time at the latest, because its turn is an estimate. If so many wait that this would
 * be too often, the time is longer.
 */
const MAX_RETURN_MS = 10_000;
/** Returned attempts of one lane per second, at most: each one costs Temporal about 10 ms of CPU. */
const RETURNS_PER_SECOND = 10;

/**
 * The delay after which Temporal schedules an attempt again that was sent back to wait for its turn. A turn is an
 * estimate, so an attempt whose turn is far away asks again before.
 *
 * @param closedMs until the lane lets out anything at all
 * @param aheadMs from then until its turn
 * @param waiting attempts of the lane that wait
 * @param timeLeftMs until the request's deadline, at which the attempt comes back to end
 */
export function returnDelayMs(
  closedMs: number,
  aheadMs: number,
  waiting: number,
  timeLeftMs: number,
  random: () => number,
): number {
  const mostMs = Math.max(MAX_RETURN_MS, (waiting * 1000) / RETURNS_PER_SECOND);
  // Spread those that cannot be given a time, so that they do not come back together.
  const ownMs = aheadMs <= mostMs ? aheadMs - BACK_EARLIER_MS : mostMs * (0.5 + random() / 2);
  const delayMs = closedMs + ownMs;
  return Math.max(1, Math.ceil(Math.min(Math.max(delayMs, LANE_HOLD_MS), timeLeftMs)));
}

/**
 * Delay of the attempt after an interrupted one. It means "at once". It is not 0, because Temporal reads 0 as "no more
 * retries".
 */
export const RESUME_DELAY_MS = 1;

/**
 * Delay after which Temporal retries an attempt whose payloads the worker could not read, on the same worker or on
 * another one. An operator must add the missing key by hand.
 */
export const UNREADABLE_DELAY = '10 seconds';

/** Temporal's retry policy for an attempt that ended without a delay from `decideRetry`, because its worker died. */
export const UPSTREAM_CALL_RETRY = {
  initialInterval: '1 second',
  backoffCoefficient: 2,
  maximumInterval: '60 seconds',
} as const;

/**
 * Pauses between two reads of a Response that the upstream still works on. A read costs nothing upstream, and it adds
 * half a pause to the answer on average. The upstream's own `openai-poll-after-ms` counts more.
 */
export const FOLLOW_PAUSE = { firstMs: 500, factor: 1.5, maxMs: 5_000, maxToldMs: 60_000 } as const;

/**
 * Pauses between two tries of storing a result. The call was paid for, so the worker tries until the request's deadline
 * or the attempt's timeout, and at least `atLeastMs`.
 */
export const STORE_PAUSE = { firstMs: 250, factor: 2, maxMs: 5_000, atLeastMs: 30_000 } as const;

/** Delay after which an attempt asks again for its body, because the blob store did not answer. */
export const BODY_PAUSE_MS = 5_000;

/** Retry policy for reading a run from Temporal. It is fast, because a cancellation or a reset waits for the read. */
export const RECALL_RETRY = { initialInterval: '200 milliseconds', maximumInterval: '2 seconds' } as const;

/** Retry policy for deleting a request's runs. It never gives up, because Temporal may be unavailable for long. */
export const DELETION_RETRY = { initialInterval: '1 second', maximumInterval: '60 seconds' } as const;
