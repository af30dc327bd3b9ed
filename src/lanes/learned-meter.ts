import type { Mark, Meter } from './meter.ts';

/** A meter that learns from answers and refusals alone. */
export interface LearnedMeter extends Meter {
  /** Counts an answered call. `isSaturated`: attempts wait for the lane, so its pace is what limits it. */
  answer(nowMs: number, isSaturated: boolean): void;
  /** Starts with the pace that another worker, or this one before a restart, has learned. */
  adopt(pace: number, nowMs: number): void;
}

/** Span over which answered units are counted. It holds some dozens of calls at the rates that are refused. */
const COUNTED_MS = 8_000;
/** One call in 30 s: what a limit that stays exhausted may cost. */
const MIN_PACE = 1 / 30;
/** Pace after a refusal, as a share of what the upstream has answered lately. */
const AFTER_REFUSAL = 0.7;
/** Each refusal lowers the pace at least to this share of it. */
const LEAST_CUT = 0.95;
/** Growth of the pace per second while the lane is saturated and nothing is refused. */
const GROWTH = 0.015;
/** Growth after {@link FAST_AFTER_MS} without a refusal, because the limit may have been raised. */
const FAST_GROWTH = 0.08;
const FAST_AFTER_MS = 15_000;
/** Refusals within this time are one event. The lane's own wait answers those that follow the first. */
const ONE_REFUSAL_MS = 2_000;
/** Units that may be let out at once after a pause, as seconds of the pace. */
const BURST_SECONDS = 0.5;

/**
 * Creates a meter for an upstream that reports nothing: additive increase, multiplicative decrease. It is
 * unlimited until the first refusal.
 */
export function createLearnedMeter(): LearnedMeter {
  let spent = 0;
  let pace: number | null = null;
  let nextAtMs = -Infinity;
  let refusedAtMs = -Infinity;
  let grownAtMs = 0;
  /** The calls let out lately that were not refused. */
  let taken: Mark[] = [];
  let countedSinceMs = Infinity;

  /** Units per second that the upstream has lately taken. */
  function takenPerSecond(nowMs: number): number {
    const fromMs = Math.max(countedSinceMs, nowMs - COUNTED_MS);
    const [first, last] = [taken[0], taken.at(-1)];
    if (first === undefined || last === undefined) return 0;
    return (taken.length * 1000) / Math.max(1_000, nowMs - fromMs);
  }

  return {
    delayMs: (_cost, nowMs) => (pace === null ? 0 : Math.max(0, Math.ceil(nextAtMs - nowMs))),
    spend(cost, nowMs) {
      spent += cost;
      if (pace !== null) {
        nextAtMs = Math.max(nextAtMs, nowMs - BURST_SECONDS * 1000) + (cost * 1000) / pace;
      }
      const mark = { atMs: nowMs, spent };
      taken = taken.filter(({ atMs }) => nowMs - atMs <= COUNTED_MS);
      taken.push(mark);
      countedSinceMs = Math.min(countedSinceMs, nowMs);
      return mark;
    },
    report: () => undefined,
    answer(nowMs, isSaturated) {
      if (pace === null || !isSaturated) return void (grownAtMs = nowMs);
      const seconds = Math.min(1, (nowMs - grownAtMs) / 1000);
      grownAtMs = nowMs;
      pace *= 1 + seconds * (nowMs - refusedAtMs > FAST_AFTER_MS ? FAST_GROWTH : GROWTH);
    },
    refuse(mark, nowMs) {
      taken = taken.filter((one) => one !== mark);
      if (mark.atMs < refusedAtMs || nowMs - refusedAtMs < ONE_REFUSAL_MS) return;
      const next = Math.max(MIN_PACE, takenPerSecond(nowMs) * AFTER_REFUSAL);
      // A limit that was lowered is followed in steps, because what was taken before it says too much or too little.
      pace = pace === null ? next : Math.max(MIN_PACE, pace / 2, Math.min(pace * LEAST_CUT, next));
      [refusedAtMs, grownAtMs] = [nowMs, nowMs];
      nextAtMs = nowMs;
    },
    pace: () => pace,
    isSure: () => false,
    remaining: () => null,
    adopt(learned, nowMs) {
      if (pace === null) [pace, refusedAtMs, nextAtMs] = [learned, nowMs, nowMs];
    },
  };
}
