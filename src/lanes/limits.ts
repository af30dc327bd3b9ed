import type { LaneOutcome } from '../domain/lane.ts';
import { createReportedMeter, type Mark, type Meter } from './meter.ts';
import { createLearnedMeter } from './paced-meters.ts';

/** All limits of one lane: what the upstream reports of requests and tokens, or what refusals have taught. */
export interface Limits {
  /** Calls per second that can be let out while so many wait. Null = as many as want. */
  pace(waiting: Demand, nowMs: number): number | null;
  /** The same as far as the upstream limits it, without the operator's ceiling. */
  upstreamPace(waiting: Demand, nowMs: number): number | null;
  /** The time until the last of these calls can be let out, ms. Planned rather too early than too late. */
  turnMs(calls: Demand, nowMs: number): number;
  /** The wait until a call may be let out, ms. 0 = now. */
  delayMs(tokens: number, inFlight: number, nowMs: number): number;
  spend(tokens: number, nowMs: number): Marks;
  /** Takes the end of a call. @param isSaturated whether attempts wait for the lane */
  learn(outcome: Learned, marks: Marks, isSaturated: boolean, nowMs: number): void;
  /** Takes the last refusal back: it was the refused request's own. */
  pardon(): void;
  /** Goes on at a pace that another worker, or this one before a restart, has learned. */
  adopt(pace: number, nowMs: number): void;
  /** Whether nothing is known of the upstream's limits. */
  isCold(nowMs: number): boolean;
  /** Whether a known limit or the ceiling may keep calls waiting. */
  isPaced(nowMs: number): boolean;
  /** Forgets what was learned from answers and refusals, because that was long ago. */
  restart(nowMs: number): void;
  remaining(nowMs: number): { readonly requests: number | null; readonly tokens: number | null };
}

/** The end of a call that shows something of the limits. */
type Learned = Exclude<LaneOutcome, { kind: 'other' }>;

/** What the plan of turns needs of a meter. */
type Binding = Pick<Meter, 'untilMs' | 'pace' | 'isSure'>;

/** So many calls, with so many tokens together. */
export interface Demand {
  readonly calls: number;
  readonly tokens: number;
}

/** The state of the meters when a call was let out. */
export type Marks = Readonly<Record<'requests' | 'tokens' | 'learned', Mark>>;

/** Calls that a cold lane lets out at first, and the time in which that number doubles without any answer. */
const FIRST_WINDOW = 10;
const WINDOW_DOUBLES_MS = 500;
/** How often a full window is looked at again. */
const WINDOW_RETRY_MS = 50;
/**
 * Turns are planned so many times earlier than the meters say, because a lane that runs dry loses turns, and an
 * attempt that comes back too early costs only another return.
 */
const PLANNED = 2;
/** The same while the upstream reports its rates and no other worker or program draws on them. */
const PLANNED_WHEN_SURE = 1.25;

export function createLimits(startMs: number, ceiling: Meter | null): Limits {
  const requests = createReportedMeter();
  const tokens = createReportedMeter();
  const learned = createLearnedMeter();
  let coldSinceMs = startMs;
  let successes = 0;

  const isReported = (nowMs: number): boolean => requests.pace(nowMs) !== null || tokens.pace(nowMs) !== null;
  const isCold = (nowMs: number): boolean => !isReported(nowMs) && learned.pace(nowMs) === null;

  /** Successes widen the window as well, so that it doubles each round trip. */
  const window = (nowMs: number): number =>
    FIRST_WINDOW * 2 ** Math.min(20, (nowMs - coldSinceMs) / WINDOW_DOUBLES_MS) + successes;

  /** The meters of the upstream that count now, each with the units that the calls need of it. */
  function ofUpstream({ calls, tokens: units }: Demand, nowMs: number): (readonly [Binding, number])[] {
    if (!isReported(nowMs)) return [[learned, calls]];
    return [
      [requests, calls],
      [tokens, units],
    ];
  }

  const binding = (calls: Demand, nowMs: number): (readonly [Binding, number])[] =>
    ceiling === null ? ofUpstream(calls, nowMs) : [...ofUpstream(calls, nowMs), [ceiling, calls.calls]];

  function slowest(meters: (readonly [Binding, number])[], calls: number, nowMs: number): number | null {
    const rates = meters.flatMap(([meter, units]) => {
      const rate = meter.untilMs(units, nowMs) > 0 ? meter.pace(nowMs) : null;
      return rate === null ? [] : [(rate * calls) / units];
    });
    return rates.length === 0 ? null : Math.min(...rates);
  }

  function report({ kind, limits }: Learned, marks: Marks, nowMs: number): void {
    const before = isReported(nowMs) ? requests.pace(nowMs) : null;
    const isTaken = kind === 'answered';
    if (limits.requests !== null) requests.report(limits.requests, marks.requests, isTaken, nowMs);
    if (limits.tokens !== null) tokens.report(limits.tokens, marks.tokens, isTaken, nowMs);
    // The upstream no longer reports, so the lane goes on at the pace of its last report.
    if (before !== null && !isReported(nowMs)) learned.adopt(before, nowMs);
  }

  return {
    pace: (waiting, nowMs) => slowest(binding(waiting, nowMs), waiting.calls, nowMs),
    upstreamPace: (waiting, nowMs) => slowest(ofUpstream(waiting, nowMs), waiting.calls, nowMs),
    turnMs(calls, nowMs) {
      const known = binding(calls, nowMs);
      const isSure = known.every(([meter]) => meter.pace(nowMs) === null || meter.isSure(nowMs));
      const untilMs = Math.max(...known.map(([meter, units]) => meter.untilMs(units, nowMs)));
      return untilMs / (isSure ? PLANNED_WHEN_SURE : PLANNED);
    },
    delayMs(tokensOfCall, inFlight, nowMs) {
      const isFull = isCold(nowMs) && inFlight >= Math.floor(window(nowMs));
      return Math.max(
        ceiling?.delayMs(1, nowMs) ?? 0,
        isFull ? WINDOW_RETRY_MS : 0,
        isReported(nowMs)
          ? Math.max(requests.delayMs(1, nowMs), tokens.delayMs(tokensOfCall, nowMs))
          : learned.delayMs(1, nowMs),
      );
    },
    spend(tokensOfCall, nowMs) {
      ceiling?.spend(1, nowMs);
      return {
        requests: requests.spend(1, nowMs),
        tokens: tokens.spend(tokensOfCall, nowMs),
        learned: learned.spend(1, nowMs),
      };
    },
    learn(outcome, marks, isSaturated, nowMs) {
      report(outcome, marks, nowMs);
      if (outcome.kind === 'answered') {
        successes += 1;
        learned.answer(nowMs, isSaturated);
        return;
      }
      learned.refuse(marks.learned, isSaturated, nowMs);
      if (!isReported(nowMs)) return;
      const isOfTokens = (outcome.limits.tokens?.remaining ?? Infinity) < marks.tokens.cost;
      if (isOfTokens) tokens.refuse(marks.tokens, outcome.retryAfterMs, nowMs);
      else requests.refuse(marks.requests, outcome.retryAfterMs, nowMs);
    },
    pardon: () => learned.pardon(),
    adopt: (learnedPace, nowMs) => learned.adopt(learnedPace, nowMs),
    isCold,
    isPaced: (nowMs) => !isCold(nowMs) || ceiling !== null,
    restart(nowMs) {
      [coldSinceMs, successes] = [nowMs, 0];
      learned.forget();
    },
    remaining: (nowMs) => ({ requests: requests.remaining(nowMs), tokens: tokens.remaining(nowMs) }),
  };
}
