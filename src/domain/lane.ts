import { z } from 'zod';

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
  /** Null = it does not wait for a lane. */
  readonly lane: string | null;
  /** Why the attempt waits, as a sentence for people. It contains no input. */
  readonly reason: string;
  /** Time until the attempt comes back, ms. */
  readonly wait_ms: number;
  /** Calls per second that the worker had learned for the lane. Null = nothing learned. */
  readonly pace: number | null;
}

/** The states of a lane. */
export const LaneState = {
  /** Calls are let out as they come. */
  open: 'open',
  /** Calls wait and are let out at the pace of the lane. */
  paced: 'paced',
  /** The upstream refused calls. Nothing is let out until a time. */
  waiting: 'waiting',
  /** One call is let out, to see whether the upstream still refuses. */
  probing: 'probing',
} as const;
export type LaneState = (typeof LaneState)[keyof typeof LaneState];

/** A lane as one worker sees it. */
export const LaneSnapshot = z
  .object({
    id: z.string().describe('A hash of the upstream, its key and the model. The same in every worker.'),
    model: z.string().describe('The model, or the name of its group.'),
    state: z.enum(LaneState),
    pace: z.number().nullable().describe('Calls per second that are let out; null = not limited.'),
    in_flight: z.number().int(),
    waiting: z.number().int().describe('Requests that wait for their turn.'),
    calls: z.number().int().describe('Calls let out by this worker.'),
    refused: z.number().int().describe('Calls that the upstream refused because of load.'),
    returned: z.number().int().describe('Attempts sent back to Temporal to wait there.'),
    remaining_requests: z.number().nullable().describe('What remains upstream; null = not reported.'),
    remaining_tokens: z.number().nullable(),
  })
  .meta({ id: 'Lane' });
export type LaneSnapshot = z.infer<typeof LaneSnapshot>;
