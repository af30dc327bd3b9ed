import type { FailureCode } from './error-catalogue.ts';
import type { Billed, Outcome, Phase } from './words.ts';

/**
 * Whether an attempt that ended like this may be followed by another. `twice`: two tries in all. A request's
 * `on_unknown_outcome` is applied on top of it, by the outcome.
 */
export const Retry = { always: 'always', twice: 'twice', never: 'never' } as const;
export type Retry = (typeof Retry)[keyof typeof Retry];

/** One row of the upstream table: what a failed upstream call means. Made by the classifier, nowhere else. */
export interface UpstreamFailure {
  readonly code: FailureCode;
  readonly outcome: Outcome;
  readonly billed: Billed;
  readonly phase: Phase;
  readonly retry: Retry;
  /** The first own backoff after this failure; the upstream's wish, where it had one, is a floor on top. */
  readonly firstBackoffMs: number;
  /** The upstream's wish; null where it had none that can be read. */
  readonly retryAfterMs: number | null;
  readonly upstreamStatus: number | null;
  readonly upstreamCode: string | null;
  readonly upstreamType: string | null;
  readonly upstreamParam: string | null;
  readonly upstreamRequestId: string | null;
}
