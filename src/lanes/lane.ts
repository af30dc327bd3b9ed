import type { LaneOutcome, LaneWait } from '../domain/lane.ts';
import { LANE_HOLD_MS, laneProbes, laneWaitMs, returnDelayMs } from '../domain/retry-policy.ts';
import { createLearnedMeter } from './learned-meter.ts';
import { createLine, type Place, type Ticket } from './line.ts';
import { createReportedMeter, type Mark, type Meter } from './meter.ts';

/** The clock of a lane, injected for tests. */
export interface Clock {
  /** Unix ms. */
  now(): number;
  /** Runs `act` once, later. Returns how to prevent it. */
  after(ms: number, act: () => void): () => void;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
}

/** An attempt that asks for its turn. */
export interface Entrant extends Ticket {
  /** Time until the request's deadline, ms. */
  readonly timeLeftMs: number;
  /** What it carries from an earlier attempt that was sent back. Null = none was. */
  readonly carried: LaneWait | null;
  /** Whether it may be sent back. */
  readonly mayReturn: boolean;
}

/** The answer of a lane to an attempt. */
export type Turn =
  | { readonly kind: 'go'; readonly call: LaneCall }
  | { readonly kind: 'return'; readonly wait: LaneWait; readonly position: number };

/** A call that a lane has let out. */
export interface LaneCall {
  /** Reports how it ended. A second report does nothing. */
  end(outcome: LaneOutcome): void;
}

/** The states of a lane. */
export const LaneState = {
  /** Nothing is known of its limits yet. Few calls are let out at first. */
  cold: 'cold',
  /** Calls are let out as they come. */
  open: 'open',
  /** Calls are let out at the pace of the lane. */
  paced: 'paced',
  /** The upstream refused calls. Nothing is let out until a time. */
  waiting: 'waiting',
  /** One call is let out, to see whether the upstream still refuses. */
  probing: 'probing',
} as const;
export type LaneState = (typeof LaneState)[keyof typeof LaneState];

export interface LaneSnapshot {
  readonly id: string;
  readonly state: LaneState;
  /** Calls per second. Null = not limited. */
  readonly pace: number | null;
  readonly in_flight: number;
  readonly waiting: number;
  readonly here: number;
  readonly calls: number;
  readonly refused: number;
  readonly returned: number;
  readonly remaining_requests: number | null;
  readonly remaining_tokens: number | null;
}

/** The lane of one upstream key and one model. */
export interface Lane {
  /**
   * Resolves when it is the attempt's turn, or when it must wait so long that it goes back to Temporal. Rejects
   * with the signal's reason if the signal aborts first.
   */
  enter(entrant: Entrant, signal: AbortSignal): Promise<Turn>;
  snapshot(): LaneSnapshot;
  /** Unix ms of the last call or attempt. Null = in use. */
  idleSinceMs(): number | null;
}

/** Calls that a cold lane lets out at first, and the time in which that number doubles without any answer. */
const FIRST_WINDOW = 10;
const WINDOW_DOUBLES_MS = 500;
/** Knowledge about a lane without calls is given up after this time: it is cold again. */
const COLD_AFTER_MS = 15_000;
/** An attempt that already waits here is sent back only if its turn has moved further away than this. */
const KEEP_MS = 2_000;

/**
 * Attempts that are sent back are planned at this multiple of the pace, because a lane that runs dry loses turns, and
 * an attempt that comes too early costs only another return.
 */
const PLANNED = 2;
/** The same while the upstream reports its rate and nobody else draws on it. */
const PLANNED_WHEN_SURE = 1.25;

interface Waiting extends Entrant {
  settle(turn: Turn): void;
}

/**
 * @param ceiling the meter that all lanes of the worker share. Null = disabled
 * @param onChange called when the state changes
 */
export function createLane(
  id: string,
  clock: Clock,
  ceiling: Meter | null,
  onChange: (before: LaneState, snapshot: LaneSnapshot) => void,
): Lane {
  const line = createLine<Waiting>();
  const requests = createReportedMeter();
  const tokens = createReportedMeter();
  const learned = createLearnedMeter();
  const counts = { inFlight: 0, calls: 0, refused: 0, returned: 0 };
  let tokensEach = 1;
  let coldSinceMs = clock.now();
  let successes = 0;
  let refusals = 0;
  let refusedAtMs = -Infinity;
  let closedUntilMs = -Infinity;
  let mustProbe = false;
  let usedAtMs = clock.now();
  let state: LaneState = LaneState.cold;
  let cancelTimer = (): void => undefined;

  /** Calls per second that the lane lets out. Null = not limited. */
  function pace(nowMs: number): number | null {
    const perToken = tokens.pace(nowMs);
    const reported = [requests.pace(nowMs), perToken === null ? null : perToken / tokensOfOne()].filter(
      (rate) => rate !== null,
    );
    const rates = reported.length > 0 ? reported : [learned.pace(nowMs)].filter((rate) => rate !== null);
    const most = ceiling?.pace(nowMs) ?? null;
    if (most !== null) rates.push(most);
    return rates.length === 0 ? null : Math.min(...rates);
  }

  /** Tokens of an average call: of those that wait, or else of the last ones. */
  const tokensOfOne = (): number => (line.size() > 0 ? line.tokens() / line.size() : tokensEach);

  /** Whether neither an answer nor a refusal has shown how much the lane may let out. */
  const isCold = (nowMs: number): boolean =>
    requests.pace(nowMs) === null && tokens.pace(nowMs) === null && learned.pace(nowMs) === null;

  const window = (nowMs: number): number =>
    FIRST_WINDOW * 2 ** Math.min(20, (nowMs - coldSinceMs) / WINDOW_DOUBLES_MS) + successes;

  /** The wait until a call of so many tokens may be let out, ms. Null = until a call ends. */
  function delayMs(tokensOfCall: number, nowMs: number): number | null {
    if (mustProbe && counts.inFlight > 0) return null;
    const gateMs = Math.max(0, closedUntilMs - nowMs);
    const ceilingMs = ceiling?.delayMs(1, nowMs) ?? 0;
    const meters = isReported(nowMs)
      ? Math.max(requests.delayMs(1, nowMs), tokens.delayMs(tokensOfCall, nowMs))
      : learned.delayMs(1, nowMs);
    const coldMs =
      isCold(nowMs) && counts.inFlight >= Math.floor(window(nowMs)) ? WINDOW_DOUBLES_MS / FIRST_WINDOW : 0;
    return Math.max(gateMs, ceilingMs, meters, coldMs);
  }

  const isReported = (nowMs: number): boolean => requests.pace(nowMs) !== null || tokens.pace(nowMs) !== null;

  /** Until the turn of an attempt with so many before it, ms. An estimate. */
  function turnMs(before: number, tokensOfCall: number, nowMs: number): number {
    const rate = pace(nowMs);
    const firstMs = Math.max(0, closedUntilMs - nowMs);
    if (rate === null) return firstMs;
    const meters = before === 0 ? (delayMs(tokensOfCall, nowMs) ?? 0) : 0;
    const isSure = [requests, tokens].every((meter) => meter.pace(nowMs) === null || meter.isSure(nowMs));
    const planned = rate * (isSure && isReported(nowMs) ? PLANNED_WHEN_SURE : PLANNED);
    return Math.max(firstMs, meters) + (before * 1000) / planned;
  }

  function sendBack(place: Place<Waiting>, waitMs: number, before: number, nowMs: number): void {
    const { ticket } = place;
    const delay = returnDelayMs(waitMs, line.size(), ticket.timeLeftMs, clock.random);
    place.backAtMs = nowMs + delay;
    counts.returned += 1;
    const rate = pace(nowMs);
    ticket.settle({
      kind: 'return',
      position: before + 1,
      wait: { lane: id, reason: reasonOf(before, rate, nowMs), wait_ms: delay, pace: rate },
    });
  }

  function reasonOf(before: number, rate: number | null, nowMs: number): string {
    const closedMs = closedUntilMs - nowMs;
    if (closedMs > 0) return `the upstream refused calls, and the lane waits for ${seconds(closedMs)} s more`;
    return `${before} of ${line.size()} waiting are before it${rate === null ? '' : `, at ${rate.toPrecision(2)} calls a second`}`;
  }

  function letOut(place: Place<Waiting>, nowMs: number): void {
    const { ticket } = place;
    line.leave(place, true);
    counts.inFlight += 1;
    counts.calls += 1;
    const marks = {
      requests: requests.spend(1, nowMs),
      tokens: tokens.spend(ticket.tokens, nowMs),
      learned: learned.spend(1, nowMs),
    };
    ceiling?.spend(1, nowMs);
    tokensEach += (ticket.tokens - tokensEach) * 0.1;
    let ended = false;
    const end = (outcome: LaneOutcome): void => {
      if (ended) return;
      ended = true;
      counts.inFlight -= 1;
      usedAtMs = clock.now();
      onEnd(outcome, marks);
      pump();
    };
    ticket.settle({ kind: 'go', call: { end } });
  }

  function onEnd(outcome: LaneOutcome, marks: Record<'requests' | 'tokens' | 'learned', Mark>): void {
    if (outcome.kind === 'other') return;
    const nowMs = clock.now();
    const before = isReported(nowMs) ? pace(nowMs) : null;
    const { limits } = outcome;
    if (limits.requests !== null) requests.report(limits.requests, marks.requests, nowMs);
    if (limits.tokens !== null) tokens.report(limits.tokens, marks.tokens, nowMs);
    // The upstream has stopped to report, so the lane goes on at the pace of its last report.
    if (before !== null && !isReported(nowMs)) learned.adopt(before, nowMs);
    if (outcome.kind === 'answered') {
      successes += 1;
      refusals = 0;
      if (mustProbe) [mustProbe, closedUntilMs] = [false, -Infinity];
      learned.answer(nowMs, line.size() > 0);
      return;
    }
    counts.refused += 1;
    const isNew = marks.learned.atMs >= refusedAtMs;
    if (isNew) {
      refusals += 1;
      refusedAtMs = nowMs;
    }
    const told = outcome.retryAfterMs;
    closedUntilMs = Math.max(closedUntilMs, nowMs + laneWaitMs(refusals, told));
    mustProbe = laneProbes(refusals, told);
    if (isReported(nowMs)) {
      const isTokens = limits.tokens?.remaining != null && limits.tokens.remaining < tokensEach;
      if (isTokens) tokens.refuse(marks.tokens, nowMs);
      else requests.refuse(marks.requests, nowMs);
    }
    learned.refuse(marks.learned, nowMs);
  }

  function pump(): void {
    cancelTimer();
    cancelTimer = () => undefined;
    const nowMs = clock.now();
    let next = line.first();
    while (next !== null) {
      const wait = delayMs(next.ticket.tokens, nowMs);
      if (wait === null) break;
      if (wait > 0) {
        cancelTimer = clock.after(Math.max(1, wait), pump);
        break;
      }
      letOut(next, nowMs);
      next = line.first();
    }
    if (next !== null) sendBackLate(nowMs);
    noteState(nowMs);
  }

  /**
   * Sends back the attempts that are here and whose turn is too far away. How many are here decides, because a turn
   * that no attempt is here to take is lost. All that wait decide when such an attempt comes back.
   */
  function sendBackLate(nowMs: number): void {
    let nth = 0;
    for (const [place, before] of [...line.present()]) {
      const { tokens: cost, mayReturn } = place.ticket;
      const mostMs = place.isNew ? LANE_HOLD_MS : KEEP_MS;
      place.isNew = false;
      if (mayReturn && turnMs(nth, cost, nowMs) > mostMs)
        sendBack(place, turnMs(before, cost, nowMs), before, nowMs);
      else nth += 1;
    }
  }

  function stateNow(nowMs: number): LaneState {
    if (closedUntilMs > nowMs) return LaneState.waiting;
    if (mustProbe) return LaneState.probing;
    if (line.size() > 0 && pace(nowMs) !== null) return LaneState.paced;
    return isCold(nowMs) && counts.inFlight + line.size() > 0 && successes === 0
      ? LaneState.cold
      : LaneState.open;
  }

  function noteState(nowMs: number): void {
    const before = state;
    state = stateNow(nowMs);
    if (state !== before) onChange(before, snapshot());
  }

  function snapshot(): LaneSnapshot {
    const nowMs = clock.now();
    return {
      id,
      state: stateNow(nowMs),
      pace: pace(nowMs),
      in_flight: counts.inFlight,
      waiting: line.size(),
      here: [...line.present()].length,
      calls: counts.calls,
      refused: counts.refused,
      returned: counts.returned,
      remaining_requests: requests.remaining(nowMs),
      remaining_tokens: tokens.remaining(nowMs),
    };
  }

  return {
    enter(entrant, signal) {
      const nowMs = clock.now();
      if (counts.inFlight === 0 && line.size() === 0 && nowMs - usedAtMs > COLD_AFTER_MS) {
        [coldSinceMs, successes] = [nowMs, 0];
      }
      usedAtMs = nowMs;
      line.expire(nowMs);
      if (entrant.carried?.pace != null && isCold(nowMs)) learned.adopt(entrant.carried.pace, nowMs);
      return new Promise<Turn>((resolve, reject) => {
        const leave = (): void => {
          line.leave(place, false);
          reject(signal.reason);
          pump();
        };
        const place = line.enter({
          ...entrant,
          settle(turn) {
            signal.removeEventListener('abort', leave);
            resolve(turn);
          },
        });
        signal.addEventListener('abort', leave, { once: true });
        pump();
      });
    },
    snapshot,
    idleSinceMs: () => (counts.inFlight + line.size() > 0 ? null : usedAtMs),
  };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);
}
