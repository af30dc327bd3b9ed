import { isObject } from '../domain/raw-json.ts';
import type { ErrorBody } from './error-body.ts';
import { msUntil, sumOfParts } from './reset-time.ts';
import { longest, parseRetryAfterMs } from './retry-after.ts';

/**
 * The delay that an error asks for, in ms: `Retry-After` and the other forms that providers document. Each
 * one is a minimum, so the longest counts.
 *
 * @param status the status of the answer, or the status that the error means
 */
export function toldDelayMs(
  headers: Headers,
  { json, text, plainText }: Pick<ErrorBody, 'json' | 'text' | 'plainText'>,
  nowMs: number,
  status: number,
): number | null {
  const inHeaders = parseRetryAfterMs(headers, nowMs);
  const told = [
    ...(inHeaders === null ? [] : [inHeaders]),
    ...memberDelays(json, nowMs, 0),
    ...sentenceDelays(json === undefined ? plainText : text),
  ];
  const isUntoldRate = status === 429 && told.length === 0;
  const named = [...headers].filter(([name]) => told.length === 0 || !isTimeUntilFull(headers, name));
  return longest([...told, ...resetDelays(named, LIMITS.has(status), isUntoldRate, nowMs)]);
}

/** With these statuses, a reset without a matching `remaining` belongs to the limit that was hit. */
const LIMITS: ReadonlySet<number> = new Set([402, 429, 498, 503, 529]);

/**
 * Names of reset headers: `x-ratelimit-reset-tokens` (OpenAI, Groq, Azure, Cerebras),
 * `anthropic-ratelimit-requests-reset`, and the plain forms.
 */
const RESET = /^(?:x-)?(?:anthropic-)?rate-?limit(?:bysize)?-(?:(.+)-)?reset(?:-(.+))?$/;

/** OpenAI's spelling, and the `limit` that belongs to it. */
const UNTIL_FULL = /^x-ratelimit-reset-(requests|tokens)$/;

/**
 * Whether a reset is the time until a bucket is full again, long after it has room for one call. OpenAI documents it
 * so, and reports the limit beside it. Such a reset is no minimum if the answer names a delay as well: a bucket of 600
 * calls a minute has room after 100 ms and is full after a minute.
 */
function isTimeUntilFull(headers: Headers, name: string): boolean {
  const [, unit] = UNTIL_FULL.exec(name) ?? [];
  return unit !== undefined && headers.has(`x-ratelimit-limit-${unit}`);
}

/**
 * Reads the reset headers, which hold the time when a limit is full again. They come with every answer, so
 * only exhausted limits count. A limit is exhausted if nothing remains of it. In a refusal for a limit, one
 * without a `remaining` counts too. A request that needs more tokens than remain has also hit that limit. The
 * token limits therefore count for a 429 if nothing else gives a delay.
 */
function resetDelays(
  headers: readonly (readonly [string, string])[],
  isLimit: boolean,
  isUntoldRate: boolean,
  nowMs: number,
): number[] {
  const limits = headers.flatMap(([name, value]) => {
    const match = RESET.exec(name);
    const untilMs = match === null ? null : untilReset(value, nowMs);
    if (untilMs === null) return [];
    const remaining = headers.find(([other]) => other === name.replace('reset', 'remaining'))?.[1];
    const left = remaining === undefined ? null : Number(remaining);
    return [{ untilMs, isTokens: name.includes('token'), left }];
  });
  // The two IETF drafts: `limit=10, remaining=0, reset=9`, and later `"default";r=0;t=9`.
  const [, draft = ''] = headers.find(([name]) => name === 'ratelimit') ?? [];
  const seconds = /\b(?:reset|t)=(\d{1,9})/.exec(draft)?.[1];
  if (seconds !== undefined) {
    const left = Number(/\b(?:remaining|r)=(\d{1,9})/.exec(draft)?.[1] ?? 0);
    limits.push({ untilMs: Number(seconds) * 1000, isTokens: false, left });
  }
  const exhausted = limits.filter(({ left }) => (left === null ? isLimit : !(left > 0)));
  const counted =
    exhausted.length === 0 && isUntoldRate ? limits.filter(({ isTokens }) => isTokens) : exhausted;
  return counted.map(({ untilMs }) => untilMs);
}

/** The ms until a reset. Null for the past and for an unreadable value. */
function untilReset(value: string, nowMs: number): number | null {
  const until = msUntil(value, nowMs);
  return until === 0 ? null : until;
}

/** The members that hold a delay in ms. */
const MEMBERS_IN_MS: ReadonlySet<string> = new Set(['retry_after_ms', 'retryafterms']);

/** The members that hold a delay in seconds, a duration or a time, like a reset header. */
const MEMBERS: ReadonlySet<string> = new Set([
  // Cloudflare, xAI's and other gateways' own; OpenRouter: `metadata.retry_after_seconds`.
  'retry_after',
  'retryafter',
  'retry_after_seconds',
  // Google: google.rpc.RetryInfo in `details`.
  'retrydelay',
  // Hugging Face, while a model loads.
  'estimated_time',
  // OpenAI, usage_limit_reached.
  'resets_in_seconds',
  'resets_at',
  'reset_at',
  // OpenRouter: `metadata.headers`.
  'x-ratelimit-reset',
  'retry-after',
]);

function memberDelays(value: unknown, nowMs: number, depth: number): number[] {
  if (depth > 5) return [];
  if (Array.isArray(value)) return value.slice(0, 20).flatMap((item) => memberDelays(item, nowMs, depth + 1));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const member = name.toLowerCase();
    if (MEMBERS_IN_MS.has(member)) {
      return Number.isFinite(Number(inner)) && Number(inner) > 0 ? [Number(inner)] : [];
    }
    if (!MEMBERS.has(member)) return memberDelays(inner, nowMs, depth + 1);
    return typeof inner === 'string' || typeof inner === 'number'
      ? (untilReset(String(inner), nowMs) ?? [])
      : [];
  });
}

/**
 * Pattern for a delay in a sentence. OpenAI, Groq: "try again in 6m0s"; Azure: "retry after 26 seconds";
 * Google: "retry in 36.5s", "reset after 1h2m3s"; LiteLLM: "in 60 seconds".
 */
const SENTENCE =
  /(?:try again|retry|retrying|wait|resets?)(?: again)?(?: in| after| for)?:? (?:about |at least )?((?:\d{1,12}(?:\.\d{1,9})? ?(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)\b ?(?:and )?|\d{1,12}(?:\.\d{1,9})?(?:h|m|s))+)/g;

function sentenceDelays(text: string): number[] {
  return [...text.matchAll(SENTENCE)].map(([, duration = '']) => sumOfParts(duration));
}
