import { FAILURES, type FailureCode } from './error-catalogue.ts';
import type { RequestError } from './record.ts';
import type { UpstreamFailure } from './upstream-failure.ts';
import { FailureReason } from './words.ts';

/** An error of ours, with nothing of the upstream's in it. */
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
 * The error of a request whose last attempt ended in `failure`. The upstream's identifiers stay with it only
 * where the failure itself is the request's end: they would mislead under a code of ours.
 */
export function requestErrorOf(
  failure: UpstreamFailure,
  code: FailureCode,
  reason: FailureReason,
): RequestError {
  const upstreamsOwn = code === failure.code;
  return {
    ...requestError(code, reason),
    upstream_status: failure.upstreamStatus,
    upstream_request_id: failure.upstreamRequestId,
    retry_after_ms: failure.retryAfterMs,
    upstream_code: upstreamsOwn ? failure.upstreamCode : null,
    upstream_type: upstreamsOwn ? failure.upstreamType : null,
    upstream_param: upstreamsOwn ? failure.upstreamParam : null,
  };
}

export const CANCELLED_ERROR = requestError('request_cancelled', FailureReason.cancelled);
export const TERMINATED_ERROR = requestError('terminated', FailureReason.terminated);
export const DEADLINE_ERROR = requestError('deadline_exceeded', FailureReason.deadlineExceeded);
