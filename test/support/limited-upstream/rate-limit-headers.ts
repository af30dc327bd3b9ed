import type { Bucket } from './bucket.ts';

/**
 * What the `remaining` header reports. `bucket` = the units in the bucket. `minute` = the limit of a minute less
 * the units missing in the bucket, as a provider reports that also enforces its limit over shorter times. Both
 * are equal where the bucket holds a minute's units.
 */
export type Remaining = 'bucket' | 'minute';

/** OpenAI's headers of one limit. `reset` is the time until the bucket is full again. */
export function rateLimitHeaders(
  unit: 'requests' | 'tokens',
  bucket: Bucket,
  remaining: Remaining,
  nowMs: number,
): Record<string, string> {
  const level = bucket.level(nowMs);
  const left = remaining === 'bucket' ? level : bucket.perMinute - bucket.capacity + level;
  return {
    [`x-ratelimit-limit-${unit}`]: String(bucket.perMinute),
    [`x-ratelimit-remaining-${unit}`]: String(Math.max(0, Math.floor(left))),
    [`x-ratelimit-reset-${unit}`]: formatDuration(bucket.untilHasMs(bucket.capacity, nowMs)),
  };
}

/** Formats a duration as OpenAI's headers do: `76ms`, `1.5s`, `6m0s`, `1h0m30s`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.ceil(durationMs);
  if (ms < 1_000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = (ms % 60_000) / 1_000;
  if (hours > 0) return `${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${minutes}m${seconds}s` : `${seconds}s`;
}

/** The delay headers of a refusal. Both spellings, as OpenAI sends them. */
export function retryAfterHeaders(delayMs: number): Record<string, string> {
  return {
    'retry-after': String(Math.max(1, Math.ceil(delayMs / 1_000))),
    'retry-after-ms': String(Math.max(1, Math.ceil(delayMs))),
  };
}
