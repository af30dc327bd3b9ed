import { isObject } from './raw-json.ts';

/** What an upstream reports of one of its limits with an answer. Null = not reported. */
export interface LimitState {
  /** Units (requests or tokens) that the full limit allows. */
  readonly limit: number | null;
  readonly remaining: number | null;
  /** Until the limit is full again, ms. */
  readonly resetMs: number | null;
}

/** What an upstream reports of its limits with an answer. */
export interface LimitReport {
  readonly requests: LimitState | null;
  readonly tokens: LimitState | null;
}

export const NO_REPORT: LimitReport = { requests: null, tokens: null };

/** How a call ended, as far as its lane needs to know. */
export type LaneOutcome =
  | { readonly kind: 'answered'; readonly limits: LimitReport; readonly tokens: number | null }
  /** The upstream refused the call because of load, and it did not run. */
  | { readonly kind: 'refused'; readonly limits: LimitReport; readonly retryAfterMs: number | null }
  /** Anything that shows nothing of a limit: an abort, a broken connection, a refusal of the request itself. */
  | { readonly kind: 'other' };

/**
 * What an attempt that was sent back to Temporal takes with it in its heartbeat details. Any worker continues
 * with it. All times are durations, because workers' clocks differ.
 */
export interface LaneWait {
  readonly lane: string;
  /** Why the attempt waits, as a sentence for people. It contains no input. */
  readonly reason: string;
  /** Time until the attempt comes back, ms. */
  readonly wait_ms: number;
  /** Calls per second that the worker had learned for the lane. Null = nothing learned. */
  readonly pace: number | null;
}

export function isLaneWait(value: unknown): value is LaneWait {
  return isObject(value) && typeof value['lane'] === 'string' && typeof value['reason'] === 'string';
}
