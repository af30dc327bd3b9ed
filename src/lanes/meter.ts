import type { LimitState } from '../domain/lane.ts';

/**
 * The units that one limit of a lane lets out, as one worker estimates them. Units are requests or tokens.
 */
export interface Meter {
  /** The wait until `cost` units may be let out, ms. 0 = now. */
  delayMs(cost: number, nowMs: number): number;
  /** Counts units that are let out. `report` and `refuse` take the mark of the call that was let out. */
  spend(cost: number, nowMs: number): Mark;
  /** Takes what the upstream reported with an answer. @param isTaken false = the upstream refused the call */
  report(state: LimitState, mark: Mark, isTaken: boolean, nowMs: number): void;
  /**
   * Slows down, because the upstream refused a call. Refusals of calls that ran together count once.
   *
   * @param toldMs the delay after which the upstream has room for one call; null = not told
   */
  refuse(mark: Mark, toldMs: number | null, nowMs: number): void;
  /** The time until so many units can have been let out in all, ms. An estimate; 0 = at once. */
  untilMs(units: number, nowMs: number): number;
  /** Units per second. Null = nothing learned, or unlimited. */
  pace(nowMs: number): number | null;
  /** Whether the pace is known so well that turns can be planned by it. */
  isSure(nowMs: number): boolean;
  /** Units that remain upstream, as last reported and since counted. Null = not reported. */
  remaining(nowMs: number): number | null;
}

/** The state of a meter when a call was let out. */
export interface Mark {
  readonly atMs: number;
  /** The units of the call. */
  readonly cost: number;
  /** All units let out so far, those of the call included. */
  readonly spent: number;
}

/** Without a newer report, a reported limit is used for this long. */
const FRESH_MS = 15_000;
/** Reports in this span show how the limit refills. */
const SAMPLES_MS = 10_000;
/**
 * Difference of two `remaining` from which their resets show a rate, also as a share of the largest. Smaller ones are
 * rounding.
 */
const MIN_DIFFERENCE = 2;
const MIN_DIFFERENCE_SHARE = 0.1;
/** Share of the largest `remaining` that is kept for other workers and programs. */
const RESERVE = 0.1;
/** Share of the reported rate after a refusal, and its growth per second without one. */
const SHARE_AFTER_REFUSAL = 0.7;
const SHARE_GROWTH = 0.06;
/** How often a limit is looked at that reports nothing of its rate. */
const UNKNOWN_RATE_MS = 1_000;
const MIN_SHARE = 0.02;
/** From this share on, no other worker or program seems to draw on the limit. */
const SURE_SHARE = 0.9;

interface Sample {
  readonly atMs: number;
  readonly remaining: number;
  readonly resetMs: number;
}

/**
 * Creates a meter that follows what the upstream reports: it mirrors the upstream's own count, which each
 * report corrects. The refill between two reports is a share of the reported rate, because other workers and
 * other programs draw on the same limit. The share falls with each refusal and grows back without one.
 */
export function createReportedMeter(): Meter {
  let spent = 0;
  let limit: number | null = null;
  /** The largest `remaining` seen. An upstream may allow a smaller burst than its limit. */
  let most = 0;
  let level = 0;
  let levelAtMs = 0;
  let reportAtMs = -Infinity;
  let firstReportAtMs = Infinity;
  let rate: number | null = null;
  let isMeasured = false;
  let samples: Sample[] = [];
  let share = 1;
  let shareAtMs = 0;
  let refusedAtMs = -Infinity;

  const isFresh = (nowMs: number): boolean => nowMs - reportAtMs <= FRESH_MS;
  const refill = (nowMs: number): number => (rate ?? 0) * shareAt(nowMs);

  function shareAt(nowMs: number): number {
    return Math.min(1, share * (1 + SHARE_GROWTH) ** (Math.max(0, nowMs - shareAtMs) / 1000));
  }

  function levelNow(nowMs: number): number {
    return Math.min(most, level + (refill(nowMs) * Math.max(0, nowMs - levelAtMs)) / 1000);
  }

  function learnRate({ remaining, resetMs }: LimitState, nowMs: number): void {
    if (remaining === null || resetMs === null) return;
    samples = samples.filter(({ atMs }) => nowMs - atMs <= SAMPLES_MS);
    samples.push({ atMs: nowMs, remaining, resetMs });
    const sorted = samples.toSorted((one, other) => one.remaining - other.remaining);
    const [low, high] = [sorted[0], sorted.at(-1)];
    const enough = Math.max(MIN_DIFFERENCE, most * MIN_DIFFERENCE_SHARE);
    if (low !== undefined && high !== undefined && high.remaining - low.remaining >= enough) {
      const sooner = low.resetMs - high.resetMs;
      // A bucket takes longer to fill the less remains. A window ends at one time, however much remains.
      isMeasured = true;
      if (sooner > 0) rate = ((high.remaining - low.remaining) * 1000) / sooner;
      else if (resetMs > 0) rate = (remaining * 1000) / resetMs;
      return;
    }
    if (!isMeasured && limit !== null && limit > remaining && resetMs > 0) {
      rate = ((limit - remaining) * 1000) / resetMs;
    }
  }

  function untilMs(units: number, nowMs: number): number {
    if (!isFresh(nowMs)) return 0;
    const missing = units - levelNow(nowMs);
    if (missing <= 0) return 0;
    const perSecond = refill(nowMs);
    return perSecond > 0 ? Math.ceil((missing * 1000) / perSecond) : UNKNOWN_RATE_MS;
  }

  return {
    untilMs,
    delayMs(cost, nowMs) {
      const part = shareAt(nowMs);
      const needed = Math.min(cost + most * RESERVE, Math.max(most * part, 1)) / part;
      return untilMs(Math.min(needed, Math.max(most, 1)), nowMs);
    },
    spend(cost, nowMs) {
      level = levelNow(nowMs) - cost;
      levelAtMs = nowMs;
      spent += cost;
      return { atMs: nowMs, cost, spent };
    },
    report(state, mark, isTaken, nowMs) {
      if (state.remaining === null) return;
      if (state.limit !== limit) {
        ({ limit } = state);
        [samples, most, isMeasured] = [[], 0, false];
      }
      // Before this call, there was room for it as well.
      most = Math.max(most, state.remaining + (isTaken ? mark.cost : 0), 1);
      learnRate(state, nowMs);
      if (!isFresh(nowMs)) firstReportAtMs = nowMs;
      reportAtMs = nowMs;
      // The calls let out after this one are not in its report yet.
      const since = spent - mark.spent;
      level = Math.min(most, state.remaining - since + (refill(nowMs) * (nowMs - mark.atMs)) / 1000);
      levelAtMs = nowMs;
    },
    refuse(mark, toldMs, nowMs) {
      // Refused calls may have used up what is to come, so `remaining` says too much.
      level = Math.min(levelNow(nowMs), toldMs === null ? 0 : 1 - (refill(nowMs) * toldMs) / 1000);
      levelAtMs = nowMs;
      // What a call meets that was let out before the first report shows nothing of other workers.
      if (mark.atMs < Math.max(refusedAtMs, firstReportAtMs)) return;
      share = Math.max(MIN_SHARE, shareAt(nowMs) * SHARE_AFTER_REFUSAL);
      [shareAtMs, refusedAtMs] = [nowMs, nowMs];
    },
    pace: (nowMs) => (isFresh(nowMs) && rate !== null ? refill(nowMs) : null),
    isSure: (nowMs) => isFresh(nowMs) && rate !== null && shareAt(nowMs) >= SURE_SHARE,
    remaining: (nowMs) => (isFresh(nowMs) ? Math.max(0, Math.floor(levelNow(nowMs))) : null),
  };
}
