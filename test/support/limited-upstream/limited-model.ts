import { type Bucket, type BucketSettings, createBucket } from './bucket.ts';
import { type CallBody, refusalOf } from './call-body.ts';
import { formatDuration, rateLimitHeaders, type Remaining, retryAfterHeaders } from './rate-limit-headers.ts';

/** The limits of a model, and how the upstream speaks about them. */
export interface ModelLimits {
  /** Default null = requests are not limited. */
  readonly requests?: BucketSettings | null;
  /** Default null = tokens are not limited. */
  readonly tokens?: BucketSettings | null;
  /** Whether a refused call takes from the bucket of requests as well, as at OpenAI. Default true. */
  readonly refusedCallsCount?: boolean;
  /** Default `bucket`. `none` = no rate limit headers, and no delay in a refusal. */
  readonly headers?: Remaining | 'none';
  /** Duration of an answered call. Default 300 ms. Refusals come at once. */
  readonly callMs?: number;
}

/** The upstream's answer to one call. */
export interface Verdict {
  readonly refused: boolean;
  readonly headers: Record<string, string>;
  /** Body of a refusal. Null = the call is answered. */
  readonly body: string | null;
  readonly afterMs: number;
}

/** The state of one limit, shared by the models in it. It reads no clock. */
export interface LimitedModel {
  /** Takes the call's place in the limits, or refuses it. */
  admit(call: CallBody, nowMs: number): Verdict;
  /** Changes the limits. Levels stay, unless `initial` is set. */
  change(limits: ModelLimits, nowMs: number): void;
}

const CALL_MS = 300;

export function createLimitedModel(first: ModelLimits, startMs: number): LimitedModel {
  let limits = first;
  const open = (settings: BucketSettings | null | undefined): Bucket | null =>
    settings ? createBucket(settings, startMs) : null;
  let [requests, tokens] = [open(first.requests), open(first.tokens)];

  function headersNow(nowMs: number): Record<string, string> {
    const { headers: remaining = 'bucket' } = limits;
    if (remaining === 'none') return {};
    return {
      ...(requests && rateLimitHeaders('requests', requests, remaining, nowMs)),
      ...(tokens && rateLimitHeaders('tokens', tokens, remaining, nowMs)),
    };
  }

  function refuse(call: CallBody, unit: 'requests' | 'tokens', bucket: Bucket, nowMs: number): Verdict {
    if (limits.refusedCallsCount !== false) requests?.take(1, nowMs);
    const delayMs = bucket.untilHasMs(unit === 'requests' ? 1 : call.tokens, nowMs);
    const isTooLarge = delayMs === Infinity;
    const showsDelay = limits.headers !== 'none' && !isTooLarge;
    const delay = isTooLarge ? null : limits.headers === 'none' ? 'a moment' : formatDuration(delayMs);
    return {
      refused: true,
      headers: { ...headersNow(nowMs), ...(showsDelay ? retryAfterHeaders(delayMs) : {}) },
      body: refusalOf(call, unit, bucket.perMinute, delay),
      afterMs: 0,
    };
  }

  return {
    admit: (call, nowMs) => {
      if (requests !== null && !requests.has(1, nowMs)) return refuse(call, 'requests', requests, nowMs);
      if (tokens !== null && !tokens.has(call.tokens, nowMs)) return refuse(call, 'tokens', tokens, nowMs);
      requests?.take(1, nowMs);
      tokens?.take(call.tokens, nowMs);
      return { refused: false, headers: headersNow(nowMs), body: null, afterMs: limits.callMs ?? CALL_MS };
    },
    change: (next, nowMs) => {
      limits = next;
      requests = changed(requests, next.requests, nowMs);
      tokens = changed(tokens, next.tokens, nowMs);
    },
  };
}

function changed(
  bucket: Bucket | null,
  next: BucketSettings | null | undefined,
  nowMs: number,
): Bucket | null {
  if (!next) return null;
  return bucket === null ? createBucket(next, nowMs) : bucket.changed(next, nowMs);
}
