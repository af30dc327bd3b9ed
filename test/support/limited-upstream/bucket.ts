/** Settings of a token bucket. */
export interface BucketSettings {
  /** Units that flow in each minute, evenly. */
  readonly perMinute: number;
  /** Most units that the bucket holds. Default: `perMinute`, as at OpenAI. */
  readonly capacity?: number;
  /** Units in the bucket at the start. Default: `capacity`. */
  readonly initial?: number;
  /**
   * Units that may be owed. A call that counts although it was refused takes from an empty bucket as well, so it
   * costs a later call its place. Default 0.
   */
  readonly debt?: number;
}

/** A token bucket. It reads no clock: each call passes the time, ms from any fixed point. */
export interface Bucket {
  readonly perMinute: number;
  readonly capacity: number;
  /** Units in the bucket now, at most `capacity`. Below 0 = units that are owed. */
  level(nowMs: number): number;
  has(units: number, nowMs: number): boolean;
  /** Removes units, down to empty, or down to the debt that is allowed. */
  take(units: number, nowMs: number): void;
  /** Time until so many units are in the bucket, if nothing is taken. Infinity if they never fit. */
  untilHasMs(units: number, nowMs: number): number;
  /** Returns a bucket with other settings that starts with the present level, unless `initial` is set. */
  changed(settings: BucketSettings, nowMs: number): Bucket;
}

const MS_PER_MINUTE = 60_000;
/** Levels are sums of fractions, so a level of 1 may be a little less than 1. */
const ROUNDING = 1e-6;

export function createBucket(settings: BucketSettings, startMs: number): Bucket {
  const { perMinute, capacity = perMinute, initial = capacity, debt = 0 } = settings;
  const perMs = perMinute / MS_PER_MINUTE;
  let [kept, keptAtMs] = [Math.min(capacity, initial), startMs];

  const level = (nowMs: number): number => Math.min(capacity, kept + Math.max(0, nowMs - keptAtMs) * perMs);
  const untilHasMs = (units: number, nowMs: number): number =>
    units > capacity ? Infinity : Math.max(0, (units - level(nowMs)) / perMs);

  return {
    perMinute,
    capacity,
    level,
    has: (units, nowMs) => level(nowMs) + ROUNDING >= units,
    take: (units, nowMs) => {
      [kept, keptAtMs] = [Math.max(-debt, level(nowMs) - units), nowMs];
    },
    untilHasMs,
    changed: (next, nowMs) => createBucket({ initial: level(nowMs), ...next }, nowMs),
  };
}
