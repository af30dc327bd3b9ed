import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Billed, Outcome, Phase } from '../domain/words.ts';

/** The first own backoff; an upstream that is overloaded or asks to slow down gets longer. */
export const FIRST_BACKOFF_MS = 1_000;
export const OVERLOAD_BACKOFF_MS = 5_000;

/** What a row of the table says; what is left out is as {@link row} fills it in. */
export type Row = Pick<UpstreamFailure, 'code'> & Partial<UpstreamFailure>;

/** A row in full. Without further words: unknown, maybe billed, retried, nothing of the upstream's known. */
export function row(said: Row): UpstreamFailure {
  return {
    outcome: Outcome.unknown,
    billed: Billed.maybe,
    phase: Phase.request,
    retry: Retry.always,
    firstBackoffMs: FIRST_BACKOFF_MS,
    retryAfterMs: null,
    upstreamStatus: null,
    upstreamCode: null,
    upstreamType: null,
    upstreamParam: null,
    upstreamRequestId: null,
    ...said,
  };
}

/** The upstream, or something before it, refused: nothing ran. */
export const REJECTED = { outcome: Outcome.rejected, billed: Billed.no, retry: Retry.never } as const;
/** Nothing ran, and trying again may help. */
export const NOT_RUN = { outcome: Outcome.notRun, billed: Billed.no } as const;
/** It ran and its answer is gone. */
export const LOST = { outcome: Outcome.lost } as const;
