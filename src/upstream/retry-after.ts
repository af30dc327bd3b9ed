/** RFC 9110's preferred date form; the obsolete ones are not guessed at. */
const IMF_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const DECIMAL = /^\d{1,12}(\.\d{1,9})?$/;

/**
 * How long the upstream wants to be left alone, in ms, rounded up; null where it does not say so readably.
 * `retry-after-ms` and its Azure twin come before the standard's `Retry-After`: plain decimal seconds or an
 * IMF date. Hex, units, exponents, negative numbers and dates in the past are ignored.
 */
export function parseRetryAfterMs(headers: Headers, nowMs: number): number | null {
  for (const name of ['retry-after-ms', 'x-ms-retry-after-ms']) {
    const ms = decimal(headers.get(name));
    if (ms !== null) return Math.ceil(ms);
  }
  const retryAfter = headers.get('retry-after')?.trim() ?? null;
  const seconds = decimal(retryAfter);
  if (seconds !== null) return Math.ceil(seconds * 1000);
  if (retryAfter === null || !IMF_DATE.test(retryAfter)) return null;
  const ms = Date.parse(retryAfter) - nowMs;
  return ms > 0 ? ms : null;
}

function decimal(text: string | null): number | null {
  return text !== null && DECIMAL.test(text.trim()) ? Number(text) : null;
}
