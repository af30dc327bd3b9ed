import type { LimitState } from '../domain/lane.ts';

/**
 * Returns the one of several limits of the same unit that stops calls first, such as one per minute and one per day.
 * That is the one with the fewest remaining units, because every call draws on all of them alike. The rate at which they
 * refill is not compared: the quota of a day may be used up in an hour. If the same number remains of two, the one that
 * takes longer to reset counts. Null for an empty list.
 */
export function bindsFirst(states: readonly LimitState[]): LimitState | null {
  const [first] = states.toSorted(
    (one, other) =>
      ascending(one.remaining, other.remaining) ||
      (other.resetMs ?? -1) - (one.resetMs ?? -1) ||
      ascending(one.limit, other.limit),
  );
  return first ?? null;
}

/** Compares two numbers. A number that is not reported comes last. */
function ascending(one: number | null, other: number | null): number {
  return one === other ? 0 : (one ?? Infinity) - (other ?? Infinity);
}

/**
 * Returns the state of the limit of all tokens, with the limits of input and of output tokens taken into account.
 * Anthropic and Fireworks report these apart, but a lane counts all tokens of a call. The least share that remains of
 * any of the limits therefore counts, as a share of the limit of all tokens. If no such limit is reported, the limits of
 * both sides together take its place. This assumes that the limits have the proportion of the calls; where they have
 * another, the next reports correct the lane.
 *
 * @param whole the limit of all tokens. Null = not reported
 */
export function inWholeTokens(
  whole: LimitState | null,
  { input, output }: Readonly<Record<'input' | 'output', readonly LimitState[]>>,
): LimitState | null {
  const sides = [leastShare(input), leastShare(output)].filter((side) => side !== null);
  const [least] = sides.toSorted((one, other) => one.share - other.share);
  if (least === undefined) return whole;
  const limit = whole === null ? sides.reduce((sum, side) => sum + side.limit, 0) : whole.limit;
  if (limit === null || (whole !== null && (shareOf(whole) ?? Infinity) <= least.share)) return whole;
  return { limit, remaining: Math.floor(limit * least.share), resetMs: least.resetMs };
}

interface Share {
  readonly limit: number;
  /** The part of the limit that remains, 0 to 1. */
  readonly share: number;
  readonly resetMs: number | null;
}

/** Returns the limit of which the least share remains. Null if no share is known. */
function leastShare(states: readonly LimitState[]): Share | null {
  const [least] = states
    .flatMap((state): Share[] => {
      const share = shareOf(state);
      return share === null || state.limit === null ? [] : [{ ...state, limit: state.limit, share }];
    })
    .toSorted((one, other) => one.share - other.share);
  return least ?? null;
}

function shareOf({ limit, remaining }: LimitState): number | null {
  if (remaining === null || limit === null) return null;
  return limit === 0 ? 0 : Math.min(1, remaining / limit);
}
