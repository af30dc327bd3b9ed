import type { Mark, Meter } from './meter.ts';

/** A meter that learns from answers and refusals alone. */
export interface LearnedMeter extends Omit<Meter, 'refuse'> {
  /** Slows down after a refusal. `isSaturated`: attempts wait for the lane, so its pace was what the upstream met. */
  refuse(mark: Mark, isSaturated: boolean, nowMs: number): void;
  /** Forgets the pace, because it was learned long ago. */
  forget(): void;
  /** Counts an answered call. `isSaturated`: attempts wait for the lane, so its pace is what limits it. */
  answer(nowMs: number, isSaturated: boolean): void;
  /** Takes the last refusal back: it was the refused request's own. */
  pardon(): void;
  /** Starts with the pace that another worker, or this one before a restart, has learned. */
  adopt(pace: number, nowMs: number): void;
}

/** Span over which answered units are counted. It holds some dozens of calls at the rates that are refused. */
const COUNTED_MS = 8_000;
/** One call in 30 s: what a limit that stays exhausted may cost. */
const MIN_PACE = 1 / 30;
/** The smallest pace after the first refusal. Few calls before it show little of what the upstream takes. */
const FIRST_PACE = 1;
/** Pace after a refusal, as a share of what the upstream has answered lately. */
const AFTER_REFUSAL = 0.7;
/** Each refusal lowers the pace at least to this share of it. */
const LEAST_CUT = 0.95;
/** Growth of the pace per second while the lane is saturated and nothing is refused. */
const GROWTH = 0.015;
/** The pace grows at least so much per second, calls a second. A small pace would take minutes to double. */
const MIN_GROWTH = 0.005;
/** Growth after {@link FAST_AFTER_MS} without a refusal, because the limit may have been raised. */
const FAST_GROWTH = 0.08;
const FAST_AFTER_MS = 15_000;
/** Refusals within this time are one event. The lane's own wait answers those that follow the first. */
const ONE_REFUSAL_MS = 2_000;
/** What a learned pace lets out at once after a pause, ms of the pace. */
const LEARNED_BURST_MS = 500;
/** What the operator's ceiling lets out at once after a pause, ms of its rate. */
const CEILING_BURST_MS = 1_000;

/** Spaces calls evenly at a rate, after a burst (generic cell rate algorithm). */
interface Pacer {
  delayMs(perSecond: number, nowMs: number): number;
  spend(cost: number, perSecond: number, nowMs: number): void;
  /** Forgets the burst that has built up, and what was spent ahead. */
  restart(nowMs: number): void;
}

function createPacer(burstMs: number): Pacer {
  /** When all that was let out would have been let out at the rate. */
  let evenAtMs = -Infinity;
  return {
    delayMs: (perSecond, nowMs) =>
      Math.max(0, Math.ceil(evenAtMs - nowMs - Math.max(0, burstMs - 1_000 / perSecond))),
    spend: (cost, perSecond, nowMs) =>
      void (evenAtMs = Math.max(evenAtMs, nowMs) + (cost * 1_000) / perSecond),
    restart: (nowMs) => void (evenAtMs = nowMs + burstMs),
  };
}

/**
 * Creates a meter for an upstream that reports nothing: additive increase, multiplicative decrease. It is
 * unlimited until the first refusal.
 */
export function createLearnedMeter(): LearnedMeter {
  let spent = 0;
  let pace: number | null = null;
  const pacer = createPacer(LEARNED_BURST_MS);
  let refusedAtMs = -Infinity;
  let grownAtMs = 0;
  let beforeRefusal: number | null = null;
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
    delayMs: (_cost, nowMs) => (pace === null ? 0 : pacer.delayMs(pace, nowMs)),
    spend(cost, nowMs) {
      spent += cost;
      if (pace !== null) pacer.spend(cost, pace, nowMs);
      const mark = { atMs: nowMs, cost, spent };
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
      const growth = nowMs - refusedAtMs > FAST_AFTER_MS ? FAST_GROWTH : GROWTH;
      pace += seconds * Math.max(MIN_GROWTH, pace * growth);
    },
    refuse(mark, isSaturated, nowMs) {
      taken = taken.filter((one) => one !== mark);
      if (mark.atMs < refusedAtMs || nowMs - refusedAtMs < ONE_REFUSAL_MS) return;
      beforeRefusal = pace;
      // A refusal at low load shows nothing of the rate that the upstream takes.
      const least = pace === null || !isSaturated ? Math.min(FIRST_PACE, pace ?? FIRST_PACE) : MIN_PACE;
      const next = Math.max(least, takenPerSecond(nowMs) * AFTER_REFUSAL);
      // A limit that was lowered is followed in steps, because what was taken before it says too much or too little.
      pace = pace === null ? next : Math.max(least, pace / 2, Math.min(pace * LEAST_CUT, next));
      [refusedAtMs, grownAtMs] = [nowMs, nowMs];
      pacer.restart(nowMs);
    },
    untilMs: (units, nowMs) =>
      pace === null ? 0 : pacer.delayMs(pace, nowMs) + ((units - 1) * 1_000) / pace,
    forget: () => void (pace = null),
    pardon: () => void (pace = beforeRefusal),
    pace: () => pace,
    isSure: () => false,
    remaining: () => null,
    adopt(learned, nowMs) {
      if (pace !== null) return;
      [pace, refusedAtMs] = [learned, nowMs];
      pacer.restart(nowMs);
    },
  };
}

/**
 * Creates the operator's ceiling for all lanes of a worker together.
 *
 * @param perSecond upstream calls per second, for all workers of the task queue
 * @param workers the number of workers that share the ceiling now; at least 1
 */
export function createCeiling(perSecond: number, workers: () => number): Meter {
  const pacer = createPacer(CEILING_BURST_MS);
  let spent = 0;
  const rate = (): number => perSecond / Math.max(1, workers());
  return {
    delayMs: (_cost, nowMs) => pacer.delayMs(rate(), nowMs),
    spend(cost, nowMs) {
      spent += cost;
      pacer.spend(cost, rate(), nowMs);
      return { atMs: nowMs, cost, spent };
    },
    untilMs: (units, nowMs) => pacer.delayMs(rate(), nowMs) + ((units - 1) * 1_000) / rate(),
    report: () => undefined,
    refuse: () => undefined,
    pace: rate,
    isSure: () => true,
    remaining: () => null,
  };
}
