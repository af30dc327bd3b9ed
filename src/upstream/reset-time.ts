import { takeDates } from './retry-after.ts';

/**
 * The ms until a reset, from a duration, seconds, Unix seconds or ms, an ISO date or an HTTP date. 0 for the
 * past. Null for an unreadable value.
 */
export function msUntil(value: string, nowMs: number): number | null {
  const text = value.trim();
  const until = NUMBER.test(text)
    ? untilNumber(Number(text), nowMs)
    : (durationMs(text) ?? (dateMs(text, nowMs) ?? NaN) - nowMs);
  return Number.isNaN(until) ? null : Math.max(0, until);
}

/** Cerebras sends up to 15 decimals (inference-docs.cerebras.ai/support/rate-limits). */
const NUMBER = /^\d{1,15}(\.\d{1,20})?$/;

/** Distinguishes Unix ms, Unix seconds and a number of seconds by their size. */
function untilNumber(value: number, nowMs: number): number {
  if (value >= 1e11) return value - nowMs;
  return value >= 1e9 ? value * 1000 - nowMs : value * 1000;
}

/** Unix ms of an HTTP date or an ISO date. */
function dateMs(text: string, nowMs: number): number | null {
  const [date] = takeDates(text, nowMs).dates;
  return date ?? (ISO_DATE.test(text) ? Date.parse(text) : null);
}

const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  milli: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d{1,12}(?:\.\d{1,9})?) ?(ms|milli|s|m|h|d)/g;

/**
 * Reads a duration in Go's form, which OpenAI and Groq send: `6m0s`, `76ms`, `7.66s`, `1h2m3s`. Null for
 * anything else.
 */
function durationMs(text: string): number | null {
  return /^(?:\d{1,12}(?:\.\d{1,9})?(?:ms|s|m|h|d))+$/.test(text) ? sumOfParts(text) : null;
}

/** Adds up the parts of a duration, in ms: `1h2m` or `1 hour and 2 minutes`. */
export function sumOfParts(text: string): number {
  return [...text.matchAll(PART)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNIT_MS[unit] ?? 0),
    0,
  );
}
