import { type SeenFailure, whatHappened } from './failure-message.ts';
import { Billed, Outcome, Phase } from './vocabulary.ts';

/**
 * Whether an attempt that ended like this may be followed by another. `twice`: two tries in all; `few`: the retry
 * policy has the number. A request's `on_unknown_outcome` is applied on top of it, by the outcome.
 */
export const Retry = { always: 'always', few: 'few', twice: 'twice', never: 'never' } as const;
export type Retry = (typeof Retry)[keyof typeof Retry];

/** Where the backoff begins; the retry policy has the numbers. An overloaded upstream is left alone for longer. */
export const Backoff = { usual: 'usual', overload: 'overload' } as const;
export type Backoff = (typeof Backoff)[keyof typeof Backoff];

/** One row of the upstream table: what a failed upstream call means. Made by the classifier, nowhere else. */
export interface UpstreamFailure extends SeenFailure {
  readonly outcome: Outcome;
  readonly billed: Billed;
  readonly phase: Phase;
  readonly retry: Retry;
  /** How our own backoff begins; the upstream's wish, where it had one, is a floor on top. */
  readonly backoff: Backoff;
  readonly upstreamCode: string | null;
  readonly upstreamType: string | null;
  readonly upstreamParam: string | null;
  readonly upstreamRequestId: string | null;
}

/** What a row of the table says; what is left out is as {@link row} fills it in. */
export type Row = Pick<UpstreamFailure, 'code'> & Partial<UpstreamFailure>;

/** A row in full. Without further words: unknown, maybe billed, retried, nothing of the upstream's known. */
export function row(said: Row): UpstreamFailure {
  return {
    outcome: Outcome.unknown,
    billed: Billed.maybe,
    phase: Phase.request,
    retry: Retry.always,
    backoff: Backoff.usual,
    retryAfterMs: null,
    upstreamStatus: null,
    upstreamCode: null,
    upstreamType: null,
    upstreamParam: null,
    upstreamRequestId: null,
    detail: null,
    toldNotToRetry: false,
    ...said,
  };
}

/** The upstream, or something before it, refused: nothing ran. */
export const REJECTED = { outcome: Outcome.rejected, billed: Billed.no, retry: Retry.never } as const;
/** Nothing ran, and trying again may help. Only where the upstream's own documented words prove it. */
export const NOT_RUN = { outcome: Outcome.notRun, billed: Billed.no } as const;
/** It ran and its answer is gone. */
export const LOST = { outcome: Outcome.lost } as const;
/** It ran, its answer is here and nobody can read it. Another one would most likely read the same. */
export const UNREADABLE = {
  code: 'upstream_invalid_response',
  outcome: Outcome.lost,
  retry: Retry.twice,
} as const;

/**
 * What Temporal's UI shows of a failed attempt: short, telling, and nothing of the upstream's own text.
 * For example "429 from upstream (rate_limit_exceeded), asked to wait 2 s".
 */
export function describeFailure(failure: UpstreamFailure): string {
  const { code, phase, upstreamStatus, upstreamCode, retryAfterMs } = failure;
  const asked = retryAfterMs === null ? '' : `, asked to wait ${retryAfterMs / 1000} s`;
  const isAnswer = upstreamStatus !== null && (upstreamStatus < 200 || upstreamStatus > 299);
  if (!isAnswer) return `${code}: ${whatHappened(failure)}${asked}`;
  // Before a connection to the upstream only a proxy can have answered.
  const who = phase === Phase.connect ? 'the proxy' : 'upstream';
  return `${upstreamStatus} from ${who} (${upstreamCode ?? code})${asked}`;
}
