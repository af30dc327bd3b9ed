import { type FailureCode, FAILURES } from './error-catalogue.ts';
import { FailureReason } from './vocabulary.ts';

/**
 * The parts of a failed upstream call from which its message is built. Temporal and the journal need others
 * as well.
 */
export interface SeenFailure {
  readonly code: FailureCode;
  readonly retryAfterMs: number | null;
  readonly upstreamStatus: number | null;
  /** Completes the code's sentence, in ReqRun's words and not the upstream's. */
  readonly detail: string | null;
  readonly toldNotToRetry: boolean;
}

/**
 * Describes a failed upstream call in one sentence without its full stop. It names the status, if there is
 * one, and contains none of the upstream's own text.
 */
export function whatHappened(failure: SeenFailure): string {
  const { code, upstreamStatus: status } = failure;
  // A failure recorded by an older version has no detail.
  const detail = failure.detail ?? null;
  const answered = status === null ? 'The upstream answered' : `The upstream answered ${status}`;
  const because = (what: string): string => `${answered}: ${detail ?? what}`;
  const withThis = (what: string): string => `${answered} with ${detail ?? what}`;
  switch (code) {
    case 'upstream_rejected':
      return `${answered} and refused the request${detail === null ? '' : `: ${detail}`}`;
    case 'upstream_not_found':
      return because('it does not know the model, deployment or path');
    case 'upstream_conflict':
      return because('the request conflicts with another');
    case 'upstream_rate_limited':
      return because('it reported a rate limit');
    case 'upstream_quota_exhausted':
      return because("the account's quota, credit or spend limit is exhausted");
    case 'upstream_auth_failed':
      return status === 407
        ? "A proxy in front of the upstream answered 407: it refused the operator's credentials"
        : because("it refused the operator's credentials");
    case 'upstream_redirect':
      return `${answered} with a redirect, which is not followed`;
    case 'upstream_gateway_error':
      return status === null ? sentence(code) : `A gateway in front of the upstream failed with ${status}`;
    case 'upstream_server_error':
      return status === null ? sentence(code) : `The upstream failed with ${status}`;
    case 'upstream_overloaded':
      return because('it is overloaded');
    case 'upstream_unreachable':
      return status === null
        ? (detail ?? 'No connection to the upstream could be made')
        : (detail ?? `The connection led to another server, which answered ${status}`);
    case 'upstream_connection_lost':
      return status === null
        ? 'The connection broke after the request was sent and before an answer came'
        : because('the connection to it was closed');
    case 'upstream_timeout':
      return status === null
        ? 'The upstream did not answer within the attempt timeout'
        : because('it did not receive or handle the request in time');
    case 'upstream_response_lost':
      return status === null
        ? sentence(code)
        : `${answered}, and ${detail ?? 'the answer broke off before its end'}`;
    case 'upstream_invalid_response':
      return withThis('something that is not a completion');
    case 'upstream_incomplete':
      return withThis('an unfinished result, which has neither content nor an end');
    case 'upstream_error_in_body':
      return withThis('an error inside');
    case 'upstream_error_in_stream':
      return withThis('an event stream that carried an error');
    case 'upstream_stream_truncated':
      return withThis('an event stream that broke off');
    case 'upstream_response_too_large':
      return withThis('a body that is too large to store');
    default:
      return sentence(code);
  }
}

/**
 * The message of a request that ended with this failure: what happened, and why there is no further attempt.
 *
 * @param attempts calls begun so far
 */
export function endMessage(
  failure: SeenFailure,
  code: FailureCode,
  reason: FailureReason,
  attempts: number,
): string {
  const seen = whatHappened(failure);
  const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  switch (reason) {
    case FailureReason.attemptsExhausted:
      return `${seen}; given up after ${tries}.`;
    case FailureReason.deadlineExceeded:
      return code === failure.code && failure.retryAfterMs !== null
        ? `${seen}; it asked to wait ${failure.retryAfterMs / 1000} s, which is longer than the deadline leaves.`
        : `The request's deadline leaves no time for another attempt, after ${tries}. The last one: ${lowered(seen)}.`;
    case FailureReason.outcomeUnknown:
      return `${seen}, so the request may have run; on_unknown_outcome is "fail", so it was not repeated.`;
    case FailureReason.terminal:
      return failure.toldNotToRetry
        ? `${seen}; it asked for no retry (x-should-retry: false).`
        : `${seen}; it is not retried.`;
    default:
      return `${seen}.`;
  }
}

function sentence(code: FailureCode): string {
  return FAILURES[code].meaning.replace(/\.$/, '');
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
