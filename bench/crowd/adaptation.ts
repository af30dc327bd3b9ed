import type { SeriesPoint } from '../../test/support/limited-upstream/call-log.ts';

/** Seconds over which a pace is judged. */
const WINDOW_SECONDS = 10;
/** A pace has adapted when it is within a fifth of the limit, and no more than a tenth of its calls are refused. */
const TOLERANCE = 0.2;
const REFUSED_SHARE = 0.1;

/** A time in which the limit stays the same, in seconds of the series. */
export interface Stretch {
  readonly from: number;
  /** The first second that is not in it. */
  readonly to: number;
  readonly perSecond: number;
}

/**
 * Seconds from a drop of the limit until the calls keep to it for the rest of the stretch. Null if they do not within
 * it.
 */
export function secondsToSlowDown(series: readonly SeriesPoint[], stretch: Stretch): number | null {
  const keeps = windows(stretch).map((from) => {
    const { received, refused } = countIn(series, from);
    const isSlow = received <= stretch.perSecond * (1 + TOLERANCE) * WINDOW_SECONDS;
    return isSlow && refused <= REFUSED_SHARE * received;
  });
  const lastBad = keeps.lastIndexOf(false);
  return lastBad === keeps.length - 1 ? null : lastBad + 1;
}

/** Seconds from a rise of the limit until calls are answered at the new pace. Null if that is not reached. */
export function secondsToSpeedUp(series: readonly SeriesPoint[], stretch: Stretch): number | null {
  const reached = windows(stretch).findIndex((from) => {
    const { received, refused } = countIn(series, from);
    return received - refused >= stretch.perSecond * (1 - TOLERANCE) * WINDOW_SECONDS;
  });
  return reached < 0 ? null : reached;
}

/** First second of each window that lies in the stretch. */
function windows({ from, to }: Stretch): number[] {
  return Array.from({ length: Math.max(0, to - from - WINDOW_SECONDS + 1) }, (_, nth) => from + nth);
}

function countIn(
  series: readonly SeriesPoint[],
  from: number,
): { readonly received: number; readonly refused: number } {
  const points = series.slice(from, from + WINDOW_SECONDS);
  return {
    received: points.reduce((sum, { received }) => sum + received, 0),
    refused: points.reduce((sum, { refused }) => sum + refused, 0),
  };
}
