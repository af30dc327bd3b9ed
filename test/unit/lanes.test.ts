import { describe, expect, it } from 'vitest';
import { createLanes } from '../../src/lanes/lanes.ts';
import { createCeiling } from '../../src/lanes/paced-meters.ts';
import { simulate, type Simulation } from '../support/lane-simulation.ts';
import { entrant, manualClock } from '../support/manual-clock.ts';

/** 400 requests at once against 10 calls a second, where a refused call counts as well. */
const CROWD: Simulation = {
  requests: 400,
  workers: 1,
  arriveMs: 0,
  callMs: 300,
  refusedMs: 20,
  bucket: { perSecond: 10, burst: 10, limit: 600 },
  headers: true,
  retryAfter: true,
  untilMs: 400_000,
};
/** Time in which the upstream can answer 400 requests at best. */
const IDEAL_MS = 39_300;
const NO_HEADERS = { headers: false, retryAfter: false };
const TOKENS = {
  requests: 200,
  bucket: { perSecond: 100, burst: 100, limit: 6_000 },
  tokenBucket: { perSecond: 20_000, burst: 20_000, limit: 1_200_000 },
  tokensOf: (nth: number) => (nth % 3 === 0 ? 8_000 : 200),
};

describe('a crowd in virtual time', () => {
  it.each<[string, Partial<Simulation>, { time: number; calls: number }]>([
    ['one worker and headers', {}, { time: 1.05, calls: 1.05 }],
    ['one worker and a delay in refusals only', { headers: false }, { time: 1.25, calls: 1.1 }],
    ['one worker and nothing reported', NO_HEADERS, { time: 1.25, calls: 1.1 }],
    ['two workers and headers', { workers: 2 }, { time: 1.35, calls: 1.15 }],
    ['two workers and nothing reported', { ...NO_HEADERS, workers: 2 }, { time: 1.5, calls: 1.15 }],
    ['four workers and headers', { workers: 4 }, { time: 1.5, calls: 1.25 }],
    [
      'headers that vanish midway',
      { changes: [{ atMs: 10_000, factor: 1, headers: false }] },
      { time: 1.2, calls: 1.1 },
    ],
    ['calls of five seconds', { callMs: 5_000 }, { time: 1.3 * (44 / 39.3), calls: 1.15 }],
  ])('completes with %s, near the ideal time and hardly refused', async (_what, settings, most) => {
    for (const seed of [1, 2, 3]) {
      const { completed, calls, lastMs } = await simulate({ ...CROWD, ...settings, seed });
      expect(completed).toBe(400);
      expect(calls / completed).toBeLessThanOrEqual(most.calls);
      expect(lastMs / IDEAL_MS).toBeLessThanOrEqual(most.time);
    }
  });

  it('is paced by tokens where those are the limit', async () => {
    const { completed, calls, lastMs } = await simulate({ ...CROWD, ...TOKENS });
    const all = Array.from({ length: 200 }, (_, nth) => TOKENS.tokensOf(nth));
    const tokens = all.reduce<number>((sum, one) => sum + one, 0);
    expect(completed).toBe(200);
    expect(calls / completed).toBeLessThanOrEqual(1.1);
    expect(lastMs).toBeLessThanOrEqual(1.3 * ((tokens - 20_000) / 20 + 300));
  });

  it.each([
    ['headers', {}],
    ['no headers', NO_HEADERS],
  ])('follows a limit that drops to a third and rises again, with %s', async (_what, settings) => {
    const changes = [
      { atMs: 20_000, factor: 1 / 3 },
      { atMs: 100_000, factor: 1 },
    ];
    const { completed, calls, perSecond } = await simulate({
      ...CROWD,
      ...settings,
      requests: 1_000,
      changes,
    });
    const rate = (from: number, to: number): number =>
      perSecond.slice(from, to).reduce((sum, one) => sum + one, 0) / (to - from);
    expect(completed).toBe(1_000);
    expect(calls / completed).toBeLessThanOrEqual(1.15);
    expect(rate(65, 100)).toBeLessThanOrEqual(1.2 * (10 / 3));
    expect(rate(145, 155)).toBeGreaterThanOrEqual(0.8 * 10);
  });

  it('sends no attempt back more often than a few times, because each return costs Temporal work', async () => {
    const { returned } = await simulate(CROWD);
    expect(returned / 400).toBeLessThanOrEqual(4);
  });
});

describe('a lane', () => {
  const start = (ceiling: Parameters<typeof createLanes>[1] = null) => {
    const clock = manualClock();
    const changes: string[] = [];
    const lanes = createLanes(
      clock,
      ceiling,
      (before, { state }) => void changes.push(`${before} > ${state}`),
    );
    return { clock, lanes, changes, lane: lanes.of({ account: 'a', model: 'm' }) };
  };
  const answered = { kind: 'answered', limits: { requests: null, tokens: null }, tokens: null } as const;
  const refused = (retryAfterMs: number | null) =>
    ({ kind: 'refused', limits: { requests: null, tokens: null }, retryAfterMs }) as const;

  it('lets a small first window out, and doubles it with each round trip', () => {
    const { lane } = start();
    const visits = Array.from({ length: 40 }, (_, nth) => lane.enter(entrant({ id: String(nth) })));
    const out = visits.filter(({ atOnce }) => atOnce?.kind === 'go');
    expect(out).toHaveLength(10);
    for (const { atOnce } of out) if (atOnce?.kind === 'go') atOnce.call.end(answered);
    expect(lane.snapshot()).toMatchObject({ in_flight: 20, waiting: 10 });
  });

  it('never keeps a single caller waiting whose upstream refuses nothing', () => {
    const { lane, clock } = start();
    for (let nth = 0; nth < 100; nth += 1) {
      const { atOnce } = lane.enter(entrant({ id: String(nth) }));
      if (atOnce?.kind !== 'go') throw new Error('held back');
      clock.advance(50);
      atOnce.call.end(answered);
    }
    expect(lane.snapshot()).toMatchObject({ state: 'open', pace: null, returned: 0 });
  });

  it('waits 30 s for a delay of 600 s, and then lets one other request out to see', async () => {
    const { lane, clock, changes } = start();
    const first = lane.enter(entrant({ id: 'first' })).atOnce;
    if (first?.kind !== 'go') throw new Error('held back');
    first.call.end(refused(600_000));
    const others = ['second', 'third'].map((id) => lane.enter(entrant({ id, mayReturn: false })));
    clock.advance(29_900);
    expect(lane.snapshot()).toMatchObject({ state: 'waiting', in_flight: 0 });
    clock.advance(200);
    expect(lane.snapshot()).toMatchObject({ state: 'probing', in_flight: 1 });
    const probe = await others[0]?.turn;
    if (probe?.kind !== 'go') throw new Error('not let out');
    probe.call.end(answered);
    clock.advance(2_000);
    expect(lane.snapshot()).toMatchObject({ in_flight: 1, waiting: 0 });
    expect(changes).toEqual(['open > waiting', 'waiting > probing', 'probing > open']);
  });

  it('costs one call in 30 s while a limit stays exhausted', async () => {
    const { lane, clock } = start();
    let calls = 0;
    const call = async (nth: number): Promise<void> => {
      const turn = await lane.enter(entrant({ id: String(nth), mayReturn: false })).turn;
      if (turn.kind !== 'go') return;
      calls += 1;
      turn.call.end(refused(600_000));
      void call(nth + 1);
    };
    void call(0);
    for (let second = 0; second < 300; second += 1) {
      clock.advance(1_000);
      await Promise.resolve();
      await Promise.resolve();
    }
    expect(calls).toBeLessThanOrEqual(11);
    expect(calls).toBeGreaterThanOrEqual(9);
  });

  it('recovers from refusals at low load, which show nothing of the rate that the upstream takes', () => {
    const { lane, clock } = start();
    for (let nth = 0; nth < 6; nth += 1) {
      for (const outcome of [refused(1_000), answered]) {
        const { atOnce } = lane.enter(entrant({ id: `${nth}-${outcome.kind}` }));
        if (atOnce?.kind !== 'go') throw new Error(`kept waiting: ${JSON.stringify(atOnce)}`);
        atOnce.call.end(outcome);
        clock.advance(2_500);
      }
    }
    expect(lane.snapshot()).toMatchObject({ waiting: 0, refused: 6 });
  });

  it("does not take the operator's ceiling for a limit of the upstream", () => {
    const { lane } = start(createCeiling(2, () => 1));
    const visits = Array.from({ length: 40 }, (_, nth) => lane.enter(entrant({ id: String(nth) })));
    const back = visits.map(({ atOnce }) => atOnce).find((turn) => turn?.kind === 'return');
    expect(back).toMatchObject({ wait: { pace: null } });
    expect(lane.snapshot()).toMatchObject({ state: 'paced', pace: 2 });
  });

  it('sends an attempt back when its turn is over a second away, and never past its deadline', () => {
    const { lane, clock } = start();
    const first = lane.enter(entrant({ id: 'first' })).atOnce;
    if (first?.kind !== 'go') throw new Error('held back');
    first.call.end(refused(20_000));
    clock.advance(1);
    const far = lane.enter(entrant({ id: 'far' })).atOnce;
    const ending = lane.enter(entrant({ id: 'ending', timeLeftMs: 7_000 })).atOnce;
    expect(far).toMatchObject({ kind: 'return' });
    expect(ending).toMatchObject({ kind: 'return', wait: { wait_ms: 7_000 } });
    if (far?.kind === 'return') expect(far.wait.wait_ms).toBeGreaterThan(15_000);
  });

  it('is independent of other lanes', () => {
    const { lane, lanes } = start();
    const first = lane.enter(entrant({ id: 'first' })).atOnce;
    if (first?.kind === 'go') first.call.end(refused(20_000));
    expect(lanes.of({ account: 'a', model: 'other' }).enter(entrant({ id: 'x' })).atOnce?.kind).toBe('go');
    expect(lanes.of({ account: 'b', model: 'm' }).enter(entrant({ id: 'y' })).atOnce?.kind).toBe('go');
  });

  it('continues at the pace that an attempt brings from another worker', () => {
    const { lane } = start();
    const carried = { lane: lane.snapshot().id, reason: 'r', wait_ms: 1_000, pace: 2 };
    lane.enter(entrant({ id: 'first', carried }));
    expect(lane.snapshot().pace).toBe(2);
  });

  it('keeps under the ceiling of all lanes together, divided by the workers', () => {
    const { lanes, clock } = start(createCeiling(10, () => 2));
    let out = 0;
    for (let nth = 0; nth < 60; nth += 1) {
      const lane = lanes.of({ account: 'a', model: `m-${nth % 3}` });
      void lane.enter(entrant({ id: String(nth), mayReturn: false })).turn.then(() => (out += 1));
    }
    clock.advance(1);
    const first = lanes.snapshots().reduce((sum, { in_flight }) => sum + in_flight, 0);
    expect(first).toBeLessThanOrEqual(5);
    clock.advance(4_000);
    const later = lanes.snapshots().reduce((sum, { in_flight }) => sum + in_flight, 0);
    expect(later).toBeGreaterThanOrEqual(20);
    expect(later).toBeLessThanOrEqual(26);
  });
});

describe('the lanes of a worker', () => {
  it('are bounded in number: models are the text of callers', () => {
    const lanes = createLanes(manualClock(), null, () => undefined, 3);
    const ids = ['a', 'b', 'c', 'd', 'e'].map((model) => {
      const lane = lanes.of({ account: 'x', model });
      lane.enter(entrant({ id: model }));
      return lane.snapshot().id;
    });
    expect(new Set(ids).size).toBe(4);
    expect(ids.slice(3)).toEqual(['shared', 'shared']);
  });

  it('forget an idle lane, and have ids that reveal neither key nor model', () => {
    const clock = manualClock();
    const lanes = createLanes(clock, null, () => undefined);
    const turn = lanes.of({ account: 'secret', model: 'model' }).enter(entrant({ id: 'x' })).atOnce;
    if (turn?.kind === 'go') turn.call.end({ kind: 'other' });
    expect(lanes.snapshots()).toMatchObject([{ id: expect.stringMatching(/^[0-9a-f]{12}$/) }]);
    clock.advance(601_000);
    expect(lanes.snapshots()).toEqual([]);
  });
});
