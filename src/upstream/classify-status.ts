import {
  Backoff,
  LOST,
  NOT_RUN,
  REJECTED,
  Retry,
  row,
  type Row,
  type UpstreamFailure,
} from '../domain/upstream-failure.ts';
import { Billed, Outcome, Phase } from '../domain/vocabulary.ts';
import {
  forbiddenRow,
  isBilling,
  isDocumentedRefusal,
  isLargerThanLimit,
  isProxysWord,
  saysOverloaded,
  asksToSlowDown,
} from './error-meaning.ts';
import { carriesOutput, type ErrorBody } from './error-body.ts';
import { requestIdIn, requestIdOf } from './error-object.ts';
import { parseRetryAfterMs } from './retry-after.ts';
import { toldDelayMs } from './told-delay.ts';

/** An answer with a status other than 2xx, and the readable part of its body. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ErrorBody;
}

/**
 * Classifies rows 22 to 46 of docs/upstream-outcomes.md: by the body first, then by the status.
 * `x-should-retry` may then change the retry.
 */
export function classifyStatus({ status, headers, body }: RefusedAnswer, nowMs: number): UpstreamFailure {
  const retryAfterMs = toldDelayMs(headers, body, nowMs, status);
  const { hard, ...said } = bodyRow(status, body) ?? statusRow(status, body, headers.has('retry-after'));
  const told = headers.get('x-should-retry');
  const forced = told === 'false' ? Retry.never : told === 'true' && hard !== true ? Retry.always : null;
  return row({
    phase: Phase.headers,
    ...said,
    ...(forced === null ? {} : { retry: forced }),
    ...body.words,
    retryAfterMs,
    upstreamStatus: status,
    upstreamRequestId: requestIdOf(headers) ?? requestIdIn(body.json),
    toldNotToRetry: told === 'false',
  });
}

/**
 * Classifies a proxy's refusal to open a tunnel. Nothing was sent to the upstream. 407 is row 25. Any other status is
 * row 1. Except for 408, 429 and 5xx, it allows only two attempts, as row 2 does, because the proxy's rules forbid the
 * upstream.
 */
export function classifyRefusedTunnel(status: number, headers: Headers, nowMs: number): UpstreamFailure {
  const known = { phase: Phase.connect, upstreamStatus: status };
  if (status === 407) return row({ code: 'upstream_auth_failed', ...REJECTED, ...known });
  const mayPass = status >= 500 || status === 408 || status === 429;
  return row({
    code: 'upstream_unreachable',
    ...NOT_RUN,
    ...known,
    detail: `The proxy answered ${status} and gave no connection to the upstream`,
    retry: mayPass ? Retry.always : Retry.twice,
    retryAfterMs: parseRetryAfterMs(headers, nowMs),
  });
}

/** `hard`: not retried, even if the upstream sends `x-should-retry: true`. */
type StatusRow = Row & { readonly hard?: boolean };

const hard = (code: Row['code']): StatusRow => ({ code, ...REJECTED, hard: true });
const unknown = (code: Row['code']): StatusRow => ({ code });
const OVERLOADED: StatusRow = {
  code: 'upstream_overloaded',
  ...NOT_RUN,
  backoff: Backoff.overload,
};

/** Rows 23b and 37. The body decides before the status, because it proves more than the status. */
function bodyRow(status: number, body: ErrorBody): StatusRow | null {
  if (status < 400) return null;
  if (carriesOutput(body.json)) {
    return status <= 499
      ? {
          code: 'upstream_rejected',
          ...LOST,
          retry: Retry.twice,
          detail: 'the answer contains a part of the model output',
        }
      : { ...serverRow(status, body), ...LOST, billed: Billed.maybe };
  }
  if (status > 499 || !isBilling(body)) return null;
  const quota = hard('upstream_quota_exhausted');
  return status === 429 ? { ...quota, outcome: Outcome.notRun } : quota;
}

function statusRow(status: number, body: ErrorBody, hasRetryAfter: boolean): StatusRow {
  switch (status) {
    case 301:
    case 307:
    case 308:
      return hard('upstream_redirect');
    case 401:
    case 407:
      return hard('upstream_auth_failed');
    case 402:
      return hasRetryAfter
        ? { code: 'upstream_rate_limited', ...NOT_RUN, outcome: Outcome.rejected }
        : hard('upstream_quota_exhausted');
    case 403:
      return { ...forbiddenRow(body), hard: true };
    case 404:
      return hard('upstream_not_found');
    case 408:
      return unknown('upstream_timeout');
    case 409:
      // A JSON body is the provider's own report of a lock. Any other body may be a proxy's page, which proves nothing.
      return { code: 'upstream_conflict', ...(body.json === undefined ? {} : NOT_RUN), retry: Retry.twice };
    case 421:
      // This connection led to another server. A new connection may lead to the upstream.
      return { code: 'upstream_unreachable', ...REJECTED, retry: Retry.twice };
    case 422:
      return { ...hard('upstream_rejected'), billed: Billed.maybe };
    case 424:
      return { code: 'upstream_rejected', retry: Retry.never, hard: true };
    case 429:
      return rateRow(body);
    case 498:
      return overloadRow(body);
    case 460:
    case 499:
      return unknown('upstream_connection_lost');
  }
  // The server at the address of the redirect may have started the work.
  if (status >= 300 && status < 400) return { code: 'upstream_redirect', retry: Retry.never, hard: true };
  return status >= 400 && status < 500 ? hard('upstream_rejected') : serverRow(status, body);
}

function serverRow(status: number, body: ErrorBody): StatusRow {
  switch (status) {
    case 500:
      return unknown('upstream_server_error');
    case 503:
      return saysOverloaded(body)
        ? OVERLOADED
        : {
            code: isProxysWord(body) ? 'upstream_gateway_error' : 'upstream_overloaded',
            backoff: Backoff.overload,
            detail: isProxysWord(body) ? null : 'it is unavailable',
          };
    case 529:
      return overloadRow(body);
    case 502:
    case 504:
    case 530:
      return unknown('upstream_gateway_error');
  }
  return status >= 520 && status <= 527
    ? unknown('upstream_gateway_error')
    : { code: 'upstream_server_error', retry: Retry.twice };
}

function overloadRow(body: ErrorBody): StatusRow {
  return isDocumentedRefusal(body) ? OVERLOADED : { code: 'upstream_overloaded', backoff: Backoff.overload };
}

/** Rows 35 to 38. */
function rateRow(body: ErrorBody): StatusRow {
  const limited: StatusRow = { code: 'upstream_rate_limited', ...NOT_RUN };
  if (isLargerThanLimit(body)) {
    return { ...limited, retry: Retry.few, detail: 'this request alone is larger than the rate limit' };
  }
  return asksToSlowDown(body) ? { ...limited, backoff: Backoff.overload } : limited;
}
