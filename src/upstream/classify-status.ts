import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Billed, Outcome, Phase } from '../domain/words.ts';
import { NOT_RUN, OVERLOAD_BACKOFF_MS, REJECTED, row, type Row } from './failure.ts';
import { plainIdentifier } from './identifiers.ts';
import { parseRetryAfterMs } from './retry-after.ts';

/** An answer other than a 2xx. `error` is the body's `error` object, where it could be read. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly error: Readonly<Record<string, unknown>>;
}

/** Terminal although they come as a 429: time does not bring money. `type` is the same for all of them. */
const BILLING_CODES: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
]);

/** The rows 22 to 46: first the body's `error.code`, then the status, then `x-should-retry`. */
export function classifyStatus(answer: RefusedAnswer, nowMs: number): UpstreamFailure {
  const { status, headers, error } = answer;
  const retryAfterMs = parseRetryAfterMs(headers, nowMs);
  const { hard, ...known } = statusRow(status, plainIdentifier(error['code']) ?? '', retryAfterMs);
  const told = headers.get('x-should-retry');
  const forced = told === 'false' ? Retry.never : told === 'true' && hard !== true ? Retry.always : null;
  return row({
    phase: Phase.headers,
    ...known,
    ...(forced === null ? {} : { retry: forced }),
    retryAfterMs,
    upstreamStatus: status,
    upstreamCode: plainIdentifier(error['code']),
    upstreamType: plainIdentifier(error['type']),
    upstreamParam: plainIdentifier(error['param']),
    upstreamRequestId: requestIdOf(headers),
  });
}

export function isBillingCode(code: string): boolean {
  return BILLING_CODES.has(code);
}

export function requestIdOf(headers: Headers): string | null {
  return plainIdentifier(headers.get('x-request-id')) ?? plainIdentifier(headers.get('request-id'));
}

/** `hard`: no `x-should-retry: true` of the upstream's makes it worth another try. */
type StatusRow = Row & { readonly hard?: boolean };

/** A refusal that stays one. */
const hard = (code: Row['code']): StatusRow => ({ code, ...REJECTED, hard: true });

function statusRow(status: number, code: string, retryAfterMs: number | null): StatusRow {
  const quota: StatusRow = { code: 'upstream_quota_exhausted', ...NOT_RUN, retry: Retry.never, hard: true };
  const overloaded: StatusRow = { code: 'upstream_overloaded', ...NOT_RUN, firstBackoffMs: OVERLOAD_BACKOFF_MS };
  const unknown = (name: Row['code']): StatusRow => ({ code: name });
  switch (status) {
    case 401:
    case 403:
      return hard('upstream_auth_failed');
    case 402:
      return retryAfterMs === null
        ? hard('upstream_quota_exhausted')
        : { code: 'upstream_rate_limited', ...NOT_RUN, outcome: Outcome.rejected };
    case 404:
      return hard('upstream_not_found');
    case 408:
      return unknown('upstream_timeout');
    case 409:
      return { code: 'upstream_conflict', ...NOT_RUN, retry: Retry.twice };
    case 422:
      return { ...hard('upstream_rejected'), billed: Billed.maybe };
    case 424:
      return { code: 'upstream_rejected', retry: Retry.never };
    case 429:
      if (isBillingCode(code)) return quota;
      return {
        code: 'upstream_rate_limited',
        ...NOT_RUN,
        ...(code === 'slow_down' ? { firstBackoffMs: OVERLOAD_BACKOFF_MS } : {}),
      };
    case 498:
    case 503:
    case 529:
      return overloaded;
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
