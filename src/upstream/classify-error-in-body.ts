import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { classifyStatus } from './classify-status.ts';
import { errorWords, isBilling } from './error-object.ts';
import { FIRST_BACKOFF_MS, OVERLOAD_BACKOFF_MS, row } from './failure.ts';
import { parseRetryAfterMs } from './retry-after.ts';

const RATE_CODES: ReadonlySet<string> = new Set(['rate_limit_exceeded', 'slow_down', 'rate_limit_error']);

/**
 * Row 12: a 200 with an `error`. A three-digit code is a status in disguise; of names, only well-known ones
 * are believed. Its model may have run all the same, so the outcome stays unknown.
 */
export function classifyErrorInBody(error: unknown, headers: Headers, nowMs: number): UpstreamFailure {
  const words = errorWords(error);
  const code = words.upstreamCode ?? '';
  const like = /^[45]\d\d$/.test(code)
    ? classifyStatus({ status: Number(code), headers, words }, nowMs)
    : null;
  const named = isBilling(words) ? Retry.never : RATE_CODES.has(code) ? Retry.always : Retry.twice;
  return row({
    code: 'upstream_error_in_body',
    retry: like?.retry ?? named,
    firstBackoffMs: like?.firstBackoffMs ?? (code === 'slow_down' ? OVERLOAD_BACKOFF_MS : FIRST_BACKOFF_MS),
    retryAfterMs: parseRetryAfterMs(headers, nowMs),
    ...words,
  });
}
