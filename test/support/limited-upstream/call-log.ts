/** One call that the upstream received. */
export interface LoggedCall {
  /** Unix ms of its arrival. */
  readonly atMs: number;
  readonly refused: boolean;
  /** The body's `user`, with which a test marks its requests. Null = it has none. */
  readonly user: string | null;
}

/** Totals of a model's calls. */
export interface CallCounts {
  readonly received: number;
  /** Calls that were answered with a completion. */
  readonly answered: number;
  readonly refused: number;
  /** Calls that are not answered yet and whose caller is still connected. */
  readonly open: number;
  readonly mostOpen: number;
  /** Calls whose caller left before the answer. */
  readonly abandoned: number;
  /** Arrival of the first and the last call, Unix ms. 0 = no call arrived. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Time of the last completion, Unix ms. 0 = there is none. */
  readonly lastAnsweredAtMs: number;
}

export const NO_CALLS: CallCounts = {
  received: 0,
  answered: 0,
  refused: 0,
  open: 0,
  mostOpen: 0,
  abandoned: 0,
  firstAtMs: 0,
  lastAtMs: 0,
  lastAnsweredAtMs: 0,
};

/** Calls of one second. */
export interface SeriesPoint {
  /** Seconds since the beginning. */
  readonly second: number;
  readonly received: number;
  readonly refused: number;
}

/** Counts calls by second, without gaps, from `beginMs` (default: the first call) to the last call. */
export function seriesOf(calls: readonly LoggedCall[], beginMs = calls[0]?.atMs ?? 0): SeriesPoint[] {
  const points: { second: number; received: number; refused: number }[] = [];
  for (const { atMs, refused } of calls) {
    const second = Math.max(0, Math.floor((atMs - beginMs) / 1_000));
    while (points.length <= second) points.push({ second: points.length, received: 0, refused: 0 });
    const point = points[second];
    if (point === undefined) continue;
    point.received += 1;
    if (refused) point.refused += 1;
  }
  return points;
}
