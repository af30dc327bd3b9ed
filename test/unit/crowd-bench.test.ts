import { describe, expect, it } from 'vitest';
import { secondsToSlowDown, secondsToSpeedUp } from '../../bench/crowd/adaptation.ts';
import { ALL_CASES, caseOf } from '../../bench/crowd/cases.ts';
import { crowdBody } from '../../bench/crowd/crowd-body.ts';
import type { CrowdMeasure } from '../../bench/crowd/crowd-measure.ts';
import { idealSeconds } from '../../bench/crowd/ideal.ts';
import { crowdTargets, summariseCrowd } from '../../bench/report/crowd-summary.ts';
import { isReached } from '../../bench/report/targets.ts';
import { readCallBody } from '../support/limited-upstream/call-body.ts';
import type { SeriesPoint } from '../support/limited-upstream/call-log.ts';

describe('the ideal time', () => {
  const even = { initial: 10, rates: [{ atMs: 0, perMinute: 600 }] };

  it('is what the limit needs after the burst, plus one call', () => {
    expect(idealSeconds(400, even, 300)).toBeCloseTo(39.3);
    expect(idealSeconds(5, even, 300)).toBeCloseTo(0.3);
  });

  it('follows a limit that changes', () => {
    const rates = [
      { atMs: 0, perMinute: 600 },
      { atMs: 20_000, perMinute: 200 },
      { atMs: 80_000, perMinute: 600 },
    ];
    // 10 + 200 + 200, then 590 at ten a second.
    expect(idealSeconds(1_000, { initial: 10, rates }, 0)).toBeCloseTo(80 + 59);
  });
});

describe('the time to follow a limit', () => {
  /** Calls a second and how many of them are refused, each for so many seconds. */
  const series = (...parts: readonly (readonly [seconds: number, received: number, refused: number])[]) =>
    parts
      .flatMap(([seconds, received, refused]) =>
        Array.from({ length: seconds }, () => ({ received, refused })),
      )
      .map((point, second): SeriesPoint => ({ second, ...point }));

  it('to slow down counts to the last window with too many calls or refusals', () => {
    const stretch = { from: 10, to: 60, perSecond: 3 };
    expect(secondsToSlowDown(series([10, 10, 0], [50, 3, 0]), stretch)).toBe(0);
    expect(secondsToSlowDown(series([10, 10, 0], [5, 10, 7], [45, 3, 0]), stretch)).toBe(5);
    expect(secondsToSlowDown(series([60, 10, 7]), stretch)).toBeNull();
  });

  it('to speed up counts to the first window with answers at the new pace', () => {
    const stretch = { from: 10, to: 60, perSecond: 10 };
    expect(secondsToSpeedUp(series([30, 3, 0], [30, 10, 0]), stretch)).toBe(18);
    expect(secondsToSpeedUp(series([60, 3, 0]), stretch)).toBeNull();
  });
});

describe('the bodies of a crowd', () => {
  it.each([200, 8_000])('of %d tokens are charged so much', (tokens) => {
    expect(readCallBody(crowdBody('m', { tokens, user: '17' }).toString()).tokens).toBe(tokens);
  });

  it('carry their mark', () => {
    expect(readCallBody(crowdBody('m', { user: 'one' }).toString()).user).toBe('one');
  });
});

describe('the targets of the crowd', () => {
  const measure = (round: number, figures: CrowdMeasure['figures']): CrowdMeasure => ({
    case: 'headers',
    contender: 'service',
    round,
    date: '',
    commit: null,
    capSeconds: 200,
    figures,
    firstError: null,
    series: [],
  });
  const targetsOf = (...rounds: CrowdMeasure['figures'][]) =>
    crowdTargets(summariseCrowd(rounds.map((figures, nth) => measure(nth + 1, figures))));

  it('judge the median of the rounds', () => {
    const times = [1.2, 1.3, 1.1].map((timeAgainstIdeal) => ({ timeAgainstIdeal }));
    const target = targetsOf(...times).find(({ name }) => name === 'headers: time / ideal');
    expect(target).toMatchObject({ value: 1.2, bound: 1.25 });
  });

  it('are missed if one round did not end in its time', () => {
    const [target] = targetsOf({ timeAgainstIdeal: 1 }, { timeAgainstIdeal: null }).filter(({ name }) =>
      name.endsWith('time / ideal'),
    );
    expect(target && isReached(target)).toBe(false);
  });

  it('exist for every case', () => {
    expect(ALL_CASES.filter((name) => caseOf(name).targets.length === 0)).toEqual([]);
  });
});
