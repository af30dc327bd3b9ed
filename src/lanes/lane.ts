import { type LaneOutcome, type LaneSnapshot, LaneState, type LaneWait } from '../domain/lane.ts';
import { LANE_HOLD_MS, returnDelayMs } from '../domain/retry-policy.ts';
import { createGate } from './gate.ts';
import { createLimits, type Demand, type Marks } from './limits.ts';
import { createLine, type Place, type Ticket } from './line.ts';
import type { Meter } from './meter.ts';

/** The clock of a lane, injected for tests. */
export interface Clock {
  /** Monotonic, ms. */
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
  { readonly kind: 'go'; readonly call: LaneCall } | { readonly kind: 'return'; readonly wait: LaneWait };

/** An attempt in a lane. */
export interface Visit {
  /** The lane's answer. Null = the attempt waits here. */
  readonly atOnce: Turn | null;
  /** Resolves when it is the attempt's turn, or when it must wait so long that it goes back to Temporal. */
  readonly turn: Promise<Turn>;
  /** Gives the place up. Without effect once the turn has come. */
  leave(): void;
}

/** A call that a lane has let out. */
export interface LaneCall {
  /** Reports how it ended. A second report does nothing. */
  end(outcome: LaneOutcome): void;
}

/** The id is safe to show. The model is the callers' text, so it belongs into no metric and no log. */
export type LaneName = Pick<LaneSnapshot, 'id' | 'model'>;

/** The lane of one upstream key and one model. */
export interface Lane {
  enter(entrant: Entrant): Visit;
  snapshot(): LaneSnapshot;
  /** When it was used last, ms of the clock. Null = in use. */
  idleSinceMs(): number | null;
}

/** Knowledge about a lane without calls is given up after this time: it is cold again. */
const COLD_AFTER_MS = 15_000;
/** An attempt that already waits here is sent back only if its turn has moved further away than this. */
const KEEP_MS = 2_000;
/** How often places that were not taken up are looked for, because a look goes through the whole line. */
const EXPIRE_EVERY_MS = 1_000;
/** How fast the averages of tokens follow the last call. */
const TOKENS_WEIGHT = 0.1;
/** Bounds of the correction of estimated tokens, because a single odd answer must not decide. */
const TOKEN_FACTOR = { min: 0.1, max: 20 } as const;

interface Waiting extends Entrant {
  /** Its tokens before they were corrected by what the upstream has counted for others. */
  readonly estimated: number;
  settle(turn: Turn): void;
}

/**
 * Creates a lane. Attempts wait in its line; the first one that is here is let out when the gate is open and the
 * limits allow it. One whose turn is too far away is sent back to Temporal and keeps its place.
 *
 * @param ceiling the meter that all lanes of the worker share; null = disabled
 * @param onChange called when the state changes
 */
export function createLane(
  { id, model }: LaneName,
  clock: Clock,
  ceiling: Meter | null,
  onChange: (before: LaneState, snapshot: LaneSnapshot) => void,
): Lane {
  const line = createLine<Waiting>();
  const gate = createGate();
  const limits = createLimits(clock.now(), ceiling);
  const counts = { inFlight: 0, calls: 0, refused: 0, returned: 0 };
  let lastTokens = 1;
  let tokenFactor = 1;
  let usedAtMs = clock.now();
  let expireAtMs = usedAtMs;
  let state: LaneState = LaneState.open;
  let cancelTimer = (): void => undefined;

  /** Tokens of an average call: of those that wait, or else of the last ones. */
  const tokensEach = (): number => (line.size() > 0 ? line.tokens() / line.size() : lastTokens);

  /** Until a call may be let out, ms. Null = not before a call ends. */
  function delayMs(tokens: number, nowMs: number): number | null {
    if (gate.mustProbe() && counts.inFlight > 0) return null;
    return Math.max(gate.closedMs(nowMs), limits.delayMs(tokens, counts.inFlight, nowMs));
  }

  /** So many calls of those that wait. */
  const demand = (calls: number): Demand => ({ calls, tokens: calls * tokensEach() });

  /** From when the gate opens until the turn of an attempt with so many before it, ms. An estimate. */
  const aheadMs = (before: number, nowMs: number): number =>
    Math.max(0, limits.turnMs(demand(before + 1), nowMs) - gate.closedMs(nowMs));

  const pace = (nowMs: number): number | null => limits.pace(demand(Math.max(1, line.size())), nowMs);

  function sendBack(place: Place<Waiting>, before: number, nowMs: number): void {
    const { ticket } = place;
    const closedMs = gate.closedMs(nowMs);
    const delay = returnDelayMs(
      closedMs,
      aheadMs(before, nowMs),
      line.size(),
      ticket.timeLeftMs,
      clock.random,
    );
    place.backAtMs = nowMs + delay;
    counts.returned += 1;
    const learned = limits.upstreamPace(demand(line.size()), nowMs);
    ticket.settle({
      kind: 'return',
      wait: { lane: id, reason: reasonOf(before, pace(nowMs), nowMs), wait_ms: delay, pace: learned },
    });
  }

  function reasonOf(before: number, perSecond: number | null, nowMs: number): string {
    const closedMs = gate.closedMs(nowMs);
    if (closedMs > 0)
      return `the upstream refused calls, so the lane lets none out for ${seconds(closedMs)} s`;
    const rate = perSecond === null ? '' : `, at ${perSecond.toPrecision(2)} calls a second`;
    return `${before} of ${line.size()} that wait are before it${rate}`;
  }

  function letOut(place: Place<Waiting>, nowMs: number): void {
    const { ticket } = place;
    line.leave(place, true);
    counts.inFlight += 1;
    counts.calls += 1;
    const marks = limits.spend(ticket.tokens, nowMs);
    lastTokens += (ticket.tokens - lastTokens) * TOKENS_WEIGHT;
    let ended = false;
    const end = (outcome: LaneOutcome): void => {
      if (ended) return;
      ended = true;
      counts.inFlight -= 1;
      usedAtMs = clock.now();
      if (outcome.kind !== 'other') learn(outcome, marks, ticket.estimated);
      pump();
    };
    ticket.settle({ kind: 'go', call: { end } });
  }

  function learn(outcome: Exclude<LaneOutcome, { kind: 'other' }>, marks: Marks, estimated: number): void {
    const nowMs = clock.now();
    limits.learn(outcome, marks, line.size() > 0, nowMs);
    if (outcome.kind === 'refused') {
      counts.refused += 1;
      gate.refuse(marks.requests.atMs, outcome.retryAfterMs, nowMs);
      return;
    }
    if (gate.answer()) limits.pardon();
    if (outcome.tokens === null || estimated <= 0) return;
    const factor = tokenFactor + (outcome.tokens / estimated - tokenFactor) * TOKENS_WEIGHT;
    tokenFactor = Math.min(TOKEN_FACTOR.max, Math.max(TOKEN_FACTOR.min, factor));
  }

  function pump(): void {
    cancelTimer();
    cancelTimer = () => undefined;
    const nowMs = clock.now();
    let next = line.first();
    for (; next !== null; next = line.first()) {
      const wait = delayMs(next.ticket.tokens, nowMs);
      if (wait !== null && wait > 0) cancelTimer = clock.after(Math.max(1, wait), pump);
      if (wait !== 0) break;
      letOut(next, nowMs);
    }
    if (next !== null) sendBackLate(nowMs);
    noteState(nowMs);
  }

  /**
   * Sends back the attempts that are here and whose turn is too far away. The number of those here decides, because a
   * turn that no attempt is here to take is lost. The number of all that wait decides when such an attempt comes back.
   */
  function sendBackLate(nowMs: number): void {
    // While nothing limits the lane, no turn is far away.
    if (gate.closedMs(nowMs) === 0 && !limits.isPaced(nowMs)) return;
    let nth = 0;
    for (const [place, before] of [...line.present()]) {
      const { mayReturn } = place.ticket;
      const mostMs = place.isNew ? LANE_HOLD_MS : KEEP_MS;
      place.isNew = false;
      if (mayReturn && gate.closedMs(nowMs) + aheadMs(nth, nowMs) > mostMs) sendBack(place, before, nowMs);
      else nth += 1;
    }
  }

  function stateAt(nowMs: number): LaneState {
    if (gate.closedMs(nowMs) > 0) return LaneState.waiting;
    if (gate.mustProbe()) return LaneState.probing;
    return line.size() > 0 && limits.isPaced(nowMs) ? LaneState.paced : LaneState.open;
  }

  function noteState(nowMs: number): void {
    const before = state;
    state = stateAt(nowMs);
    if (state !== before) onChange(before, snapshot());
  }

  function snapshot(): LaneSnapshot {
    const nowMs = clock.now();
    const { requests, tokens } = limits.remaining(nowMs);
    return {
      id,
      model,
      state: stateAt(nowMs),
      pace: pace(nowMs),
      in_flight: counts.inFlight,
      waiting: line.size(),
      calls: counts.calls,
      refused: counts.refused,
      returned: counts.returned,
      remaining_requests: requests,
      remaining_tokens: tokens,
    };
  }

  return {
    enter(entrant) {
      const nowMs = clock.now();
      const isIdle = counts.inFlight === 0 && line.size() === 0;
      if (isIdle && nowMs - usedAtMs > COLD_AFTER_MS) limits.restart(nowMs);
      usedAtMs = nowMs;
      if (nowMs >= expireAtMs) {
        line.expire(nowMs);
        expireAtMs = nowMs + EXPIRE_EVERY_MS;
      }
      const carried = entrant.carried?.pace ?? null;
      if (carried !== null && limits.isCold(nowMs)) limits.adopt(carried, nowMs);
      const later = Promise.withResolvers<Turn>();
      let settled: Turn | null = null;
      const place = line.enter({
        ...entrant,
        tokens: Math.max(1, entrant.tokens * tokenFactor),
        estimated: entrant.tokens,
        settle(turn) {
          settled = turn;
          later.resolve(turn);
        },
      });
      pump();
      return {
        atOnce: settled,
        turn: later.promise,
        leave() {
          if (settled !== null) return;
          line.leave(place, false);
          pump();
        },
      };
    },
    snapshot,
    idleSinceMs() {
      // Attempts that another worker has taken would keep the lane for ever.
      line.expire(clock.now());
      return counts.inFlight + line.size() > 0 ? null : usedAtMs;
    },
  };
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);
}
