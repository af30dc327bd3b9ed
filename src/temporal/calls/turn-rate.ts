/** The rate at which turns come while others wait. It tells a newcomer how long its turn is away. */
export interface TurnRate {
  /** Records that a turn came. */
  turn(): void;
  /** Forgets the rate. Call it when a line forms, or when turns begin to come in another way. */
  reset(): void;
  /** Time in ms until the turn of a call with so many others before it. Null = not known yet. */
  expectedMs(ahead: number): number | null;
}

/** Before so many turns, the rate is not known. */
const MIN_TURNS = 32;
/** The rate follows about this many of the last turns. */
const FOLLOWED_TURNS = 64;

export function createTurnRate(now: () => number = () => performance.now()): TurnRate {
  let turns = 0;
  let meanMs = 0;
  let lastMs = now();
  return {
    turn: () => {
      const gapMs = now() - lastMs;
      lastMs += gapMs;
      turns += 1;
      meanMs += (gapMs - meanMs) / Math.min(turns, FOLLOWED_TURNS);
    },
    reset: () => {
      turns = 0;
      lastMs = now();
    },
    expectedMs: (ahead) => (turns < MIN_TURNS ? null : ahead * meanMs),
  };
}
