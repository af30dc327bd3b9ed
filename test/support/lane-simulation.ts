import type { LaneOutcome, LaneWait, LimitReport, LimitState } from '../../src/domain/lane.ts';
import { type Clock, createLane, type Lane } from '../../src/lanes/lane.ts';
import { createPrng } from '../faults/prng.ts';

/** A limit of the simulated upstream: a bucket that each call draws on, refused ones too. */
export interface BucketSettings {
  readonly perSecond: number;
  readonly burst: number;
  /** The `limit` of its headers. */
  readonly limit: number;
}

export interface Simulation {
  readonly seed?: number;
  readonly requests: number;
  readonly workers: number;
  /** Time over which the requests arrive, ms. */
  readonly arriveMs: number;
  readonly callMs: number;
  readonly refusedMs: number;
  readonly bucket: BucketSettings;
  readonly tokenBucket?: BucketSettings;
  /** Tokens of the nth request. */
  readonly tokensOf?: (nth: number) => number;
  readonly headers: boolean;
  readonly retryAfter: boolean;
  /** Changes of the rate: factor from a time on. */
  readonly changes?: readonly {
    readonly atMs: number;
    readonly factor: number;
    readonly headers?: boolean;
  }[];
  readonly untilMs: number;
  /** Called at each full second, to look on. */
  readonly onSecond?: (second: number, lanes: readonly Lane[]) => void;
}

export interface Simulated {
  readonly completed: number;
  readonly calls: number;
  readonly refused: number;
  readonly returned: number;
  readonly lastMs: number;
  readonly perSecond: readonly number[];
  readonly completedAtMs: readonly number[];
}

/** Runs many requests through the lanes of some workers against a limited upstream, in virtual time. */
export async function simulate(settings: Simulation): Promise<Simulated> {
  const prng = createPrng(settings.seed ?? 1);
  const events: { atMs: number; seq: number; act: () => void }[] = [];
  let nowMs = 1_000_000;
  const startMs = nowMs;
  let seq = 0;
  const after = (ms: number, act: () => void): (() => void) => {
    const event = { atMs: nowMs + ms, seq: (seq += 1), act };
    events.push(event);
    return () => {
      const index = events.indexOf(event);
      if (index >= 0) events.splice(index, 1);
    };
  };
  const clock: Clock = { now: () => nowMs, after, random: prng.next };

  const upstream = createSimulatedUpstream(settings, startMs);
  const lanes: Lane[] = Array.from({ length: settings.workers }, (_, nth) =>
    createLane({ id: `lane-${nth}`, model: 'm' }, clock, null, () => undefined),
  );
  const counts = { completed: 0, calls: 0, refused: 0, returned: 0, lastMs: 0 };
  const perSecond: number[] = [];
  const completedAtMs: number[] = [];
  let pending: Promise<void>[] = [];

  async function attempt(nth: number, failures: number, carried: LaneWait | null): Promise<void> {
    const lane = lanes[Math.floor(prng.next() * lanes.length)];
    if (lane === undefined) return;
    const cost = settings.tokensOf?.(nth) ?? 100;
    const turn = await lane.enter({
      id: String(nth),
      project: 'p',
      weight: 1,
      priority: 3,
      sinceMs: startMs + nth,
      tokens: cost,
      timeLeftMs: 3_600_000,
      carried,
      mayReturn: true,
    }).turn;
    if (turn.kind === 'return') {
      counts.returned += 1;
      after(Math.max(1_000, turn.wait.wait_ms) + 10 + prng.next() * 40, () =>
        track(attempt(nth, failures, turn.wait)),
      );
      return;
    }
    counts.calls += 1;
    const second = Math.floor((nowMs - startMs) / 1000);
    perSecond[second] = (perSecond[second] ?? 0) + 1;
    const answer = upstream.call(nowMs, cost);
    const lastsMs = answer.kind === 'answered' ? settings.callMs : settings.refusedMs;
    after(lastsMs, () => {
      turn.call.end(answer);
      if (answer.kind === 'answered') {
        counts.completed += 1;
        completedAtMs.push(nowMs - startMs);
        counts.lastMs = nowMs - startMs;
        return;
      }
      counts.refused += 1;
      const told = answer.kind === 'refused' ? (answer.retryAfterMs ?? 0) : 0;
      const delay = Math.max(told, Math.min(60_000, 1_000 * 2 ** failures)) * (1 + 0.25 * prng.next());
      after(delay + 20, () => track(attempt(nth, failures + 1, null)));
    });
  }
  const track = (one: Promise<void>): void => void pending.push(one);
  for (let nth = 0; nth < settings.requests; nth += 1) {
    after((nth * settings.arriveMs) / settings.requests, () => track(attempt(nth, 0, null)));
  }
  const look = (second: number): void => {
    settings.onSecond?.(second, lanes);
    after(1_000, () => look(second + 1));
  };
  if (settings.onSecond !== undefined) look(0);
  for (;;) {
    // Promise callbacks run between two events.
    for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
    pending = [];
    if (counts.completed === settings.requests) break;
    let first = 0;
    for (let index = 1; index < events.length; index += 1) {
      const [one, best] = [events[index], events[first]];
      if (one && best && (one.atMs < best.atMs || (one.atMs === best.atMs && one.seq < best.seq)))
        first = index;
    }
    const [event] = events.splice(first, 1);
    if (event === undefined) break;
    if (event.atMs - startMs > settings.untilMs) break;
    nowMs = Math.max(nowMs, event.atMs);
    event.act();
  }
  return { ...counts, perSecond: Array.from(perSecond, (count) => count ?? 0), completedAtMs };
}

function createSimulatedUpstream(settings: Simulation, startMs: number) {
  const changes = settings.changes ?? [];
  const current = (nowMs: number) => changes.findLast(({ atMs }) => nowMs - startMs >= atMs);
  function createBucket({ perSecond, burst, limit }: BucketSettings) {
    let level = burst;
    let atMs = startMs;
    return {
      refill(nowMs: number) {
        const factor = current(nowMs)?.factor ?? 1;
        level = Math.min(burst, level + ((nowMs - atMs) / 1000) * perSecond * factor);
        atMs = nowMs;
      },
      has: (cost: number) => level >= cost,
      take: (cost: number) => void (level = Math.max(-10, level - cost)),
      state(nowMs: number): LimitState {
        const factor = current(nowMs)?.factor ?? 1;
        return {
          limit: Math.round(limit * factor),
          remaining: Math.floor(level),
          resetMs: Math.ceil(((burst - level) * 1000) / (perSecond * factor)),
        };
      },
      waitMs(cost: number, nowMs: number) {
        return ((cost - level) * 1000) / (perSecond * (current(nowMs)?.factor ?? 1));
      },
    };
  }
  const requests = createBucket(settings.bucket);
  const tokens = settings.tokenBucket === undefined ? null : createBucket(settings.tokenBucket);
  return {
    call(nowMs: number, cost: number): LaneOutcome {
      requests.refill(nowMs);
      tokens?.refill(nowMs);
      const isFree = requests.has(1) && (tokens?.has(cost) ?? true);
      const waitMs = Math.max(requests.waitMs(1, nowMs), tokens?.waitMs(cost, nowMs) ?? 0);
      requests.take(1);
      if (isFree) tokens?.take(cost);
      const shown = settings.headers && (current(nowMs)?.headers ?? true);
      const limits: LimitReport = shown
        ? { requests: requests.state(nowMs), tokens: tokens?.state(nowMs) ?? null }
        : { requests: null, tokens: null };
      if (isFree) return { kind: 'answered', limits, tokens: cost };
      return {
        kind: 'refused',
        limits,
        retryAfterMs: settings.retryAfter ? Math.ceil(waitMs / 1000) * 1000 : null,
      };
    },
  };
}
