import type { AttemptEnd } from '../src/domain/journal.ts';
import type { UpstreamFailure } from '../src/domain/upstream-failure.ts';
import { AttemptStatus, Billed, Outcome, Phase } from '../src/domain/words.ts';
import { Cancellation } from './cancellation.ts';

/** The journal's words for a call that was answered with a completion. */
export function succeededEnd(
  answer: { readonly status: number; readonly requestId: string | null },
  startedAtMs: number,
  endedAtMs: number,
): AttemptEnd {
  return {
    status: AttemptStatus.succeeded,
    outcome: Outcome.completed,
    billed: Billed.yes,
    phase: Phase.body,
    ...times(startedAtMs, endedAtMs),
    upstream_status: answer.status,
    upstream_request_id: answer.requestId,
    error_code: null,
    retry_after_ms: null,
  };
}

/**
 * The journal's words for a call that failed, or that was broken off: `cancelled` where the request's
 * cancellation was asked for, else `interrupted`. A call broken off before it was sent did not run.
 */
export function failedEnd(
  failure: UpstreamFailure,
  cancellation: Cancellation | null,
  startedAtMs: number,
  endedAtMs: number,
): AttemptEnd {
  const end = {
    outcome: failure.outcome,
    billed: failure.billed,
    phase: failure.phase,
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
