import { type SeenFailure, whatHappened } from './failure-message.ts';
import { Billed, Outcome, Phase } from './vocabulary.ts';

/**
 * Whether another attempt may follow a failed one. `twice`: two attempts in total. `few`: the retry policy
 * sets the number. The request's `on_unknown_outcome` is applied afterwards, by the outcome.
 */
export const Retry = { always: 'always', few: 'few', twice: 'twice', never: 'never' } as const;
export type Retry = (typeof Retry)[keyof typeof Retry];

/** Where the backoff begins; the retry policy has the numbers. It is longer for an overloaded upstream. */
export const Backoff = { usual: 'usual', overload: 'overload' } as const;
export type Backoff = (typeof Backoff)[keyof typeof Backoff];

/**
 * One row of docs/upstream-outcomes.md: the meaning of a failed upstream call. Only the classifier creates
 * it.
 */
export interface UpstreamFailure extends SeenFailure {
  readonly outcome: Outcome;
  readonly billed: Billed;
  readonly phase: Phase;
  readonly retry: Retry;
  /** Where ReqRun's backoff begins. A delay that the upstream asks for is a minimum on top of it. */
  readonly backoff: Backoff;
  readonly upstreamCode: string | null;
  readonly upstreamType: string | null;
  readonly upstreamParam: string | null;
  readonly upstreamRequestId: string | null;
}

/** The given values of a row. {@link row} fills in the others. */
export type Row = Pick<UpstreamFailure, 'code'> & Partial<UpstreamFailure>;

/**
 * Completes a row. The defaults: outcome unknown, billing possible, retried, nothing known from the upstream.
 */
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

/**
 * Whether the failure shows that the upstream gets too many calls, so that the whole lane must slow down. A request
 * that alone is larger than the limit (row 37b) shows nothing of the others.
 */
export function slowsLane({ code, outcome, retry }: UpstreamFailure): boolean {
  const isLoad = code === 'upstream_rate_limited' || code === 'upstream_overloaded';
  return isLoad && outcome !== Outcome.unknown && retry !== Retry.few;
}

/** The upstream, or something in front of it, refused the call. Nothing ran. */
export const REJECTED = { outcome: Outcome.rejected, billed: Billed.no, retry: Retry.never } as const;
/** Nothing ran, and another attempt may help. Used only if the upstream's documented error proves it. */
export const NOT_RUN = { outcome: Outcome.notRun, billed: Billed.no } as const;
/** The call ran and its answer is lost. */
export const LOST = { outcome: Outcome.lost } as const;
/** The call ran, but its answer cannot be read. The next answer would probably be unreadable too. */
export const UNREADABLE = {
  code: 'upstream_invalid_response',
  outcome: Outcome.lost,
  retry: Retry.twice,
} as const;

/**
 * The text of a failed attempt in Temporal's UI. It is short and contains none of the upstream's own text.
 * For example "429 from upstream (rate_limit_exceeded), asked to wait 2 s".
 */
export function describeFailure(failure: UpstreamFailure): string {
  const { code, phase, upstreamStatus, upstreamCode, retryAfterMs } = failure;
  const asked = retryAfterMs === null ? '' : `, asked to wait ${retryAfterMs / 1000} s`;
  const isAnswer = upstreamStatus !== null && (upstreamStatus < 200 || upstreamStatus > 299);
  if (!isAnswer) return `${code}: ${whatHappened(failure)}${asked}`;
  // Only a proxy can answer before there is a connection to the upstream.
  const who = phase === Phase.connect ? 'the proxy' : 'upstream';
  return `${upstreamStatus} from ${who} (${upstreamCode ?? code})${asked}`;
}
