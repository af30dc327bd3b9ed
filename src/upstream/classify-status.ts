import {
  NOT_RUN,
  Backoff,
  REJECTED,
  Retry,
  row,
  type Row,
  type UpstreamFailure,
} from '../domain/upstream-failure.ts';
import { Billed, Outcome, Phase } from '../domain/vocabulary.ts';
import { type ErrorWords, isBilling, requestIdOf } from './error-object.ts';
import { parseRetryAfterMs } from './retry-after.ts';

/** An answer other than a 2xx, with what could be read of its body's `error`. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly words: ErrorWords;
}

/** The rows 22 to 46: first the body's `error.code`, then the status, then `x-should-retry`. */
export function classifyStatus({ status, headers, words }: RefusedAnswer, nowMs: number): UpstreamFailure {
  const retryAfterMs = parseRetryAfterMs(headers, nowMs);
  const { hard, ...said } = codeRow(status, words) ?? statusRow(status, words, retryAfterMs !== null);
  const told = headers.get('x-should-retry');
  const forced = told === 'false' ? Retry.never : told === 'true' && hard !== true ? Retry.always : null;
  return row({
    phase: Phase.headers,
    ...said,
    ...(forced === null ? {} : { retry: forced }),
    ...words,
    retryAfterMs,
    upstreamStatus: status,
    upstreamRequestId: requestIdOf(headers),
  });
}

/**
 * A proxy that gives no tunnel: nothing was sent to the upstream. A 407 is row 25's; the others are row 1's, and as
 * hopeless as row 2's where it is the proxy's rules that forbid the upstream.
 */
export function classifyRefusedTunnel(status: number, headers: Headers, nowMs: number): UpstreamFailure {
  const known = { phase: Phase.connect, upstreamStatus: status };
  if (status === 407) return row({ code: 'upstream_auth_failed', ...REJECTED, ...known });
  const mayPass = status >= 500 || status === 408 || status === 429;
  return row({
    code: 'upstream_unreachable',
    ...NOT_RUN,
    ...known,
    retry: mayPass ? Retry.always : Retry.twice,
    retryAfterMs: parseRetryAfterMs(headers, nowMs),
  });
}

/** `hard`: no `x-should-retry: true` of the upstream's makes it worth another try. */
type StatusRow = Row & { readonly hard?: boolean };

const hard = (code: Row['code']): StatusRow => ({ code, ...REJECTED, hard: true });
const unknown = (code: Row['code']): StatusRow => ({ code });
const OVERLOADED: StatusRow = {
  code: 'upstream_overloaded',
  ...NOT_RUN,
  backoff: Backoff.overload,
};

/** Row 37: a billing code says more than the 4xx it comes with. */
function codeRow(status: number, words: ErrorWords): StatusRow | null {
  if (status < 400 || status > 499 || !isBilling(words)) return null;
  const quota = hard('upstream_quota_exhausted');
  return status === 429 ? { ...quota, outcome: Outcome.notRun } : quota;
}

function statusRow(status: number, { upstreamCode }: ErrorWords, hasDelay: boolean): StatusRow {
  switch (status) {
    case 401:
    case 403:
    case 407:
      return hard('upstream_auth_failed');
    case 402:
      return hasDelay
        ? { code: 'upstream_rate_limited', ...NOT_RUN, outcome: Outcome.rejected }
        : hard('upstream_quota_exhausted');
    case 404:
      return hard('upstream_not_found');
    case 408:
      return unknown('upstream_timeout');
    case 409:
      return { code: 'upstream_conflict', ...NOT_RUN, retry: Retry.twice };
    case 421:
      // Another connection may lead to the upstream; this one never did.
      return { code: 'upstream_unreachable', ...REJECTED, retry: Retry.twice };
    case 422:
      return { ...hard('upstream_rejected'), billed: Billed.maybe };
    case 424:
      return { code: 'upstream_rejected', retry: Retry.never, hard: true };
    case 429:
      return {
        code: 'upstream_rate_limited',
        ...NOT_RUN,
        ...(upstreamCode === 'slow_down' ? { backoff: Backoff.overload } : {}),
      };
    case 498:
    case 503:
    case 529:
      return OVERLOADED;
    case 499:
      return unknown('upstream_connection_lost');
    case 500:
      return unknown('upstream_server_error');
    case 502:
    case 504:
      return unknown('upstream_gateway_error');
  }
  if (status >= 520 && status <= 527) return unknown('upstream_gateway_error');
  if (status >= 300 && status < 400) return hard('upstream_redirect');
  if (status >= 400 && status < 500) return hard('upstream_rejected');
  return { code: 'upstream_server_error', retry: Retry.twice };
}
