/** Whether and when an attempt follows another: the rows that lie between the rules of the retry policy. */
import { describe, expect, it } from 'vitest';
import { beginAttempt, carryOver, interruptAttempt, type Journal } from '../../src/domain/journal.ts';
import { RequestOptions } from '../../src/domain/options.ts';
import { decideRetry, refusalToBegin, type RetryDecision } from '../../src/domain/retry-policy.ts';
import { row, type Row } from '../../src/domain/upstream-failure.ts';
import { refusedAttempts } from '../support/journals.ts';

const HOUR_MS = 3_600_000;
const ONCE = refusedAttempts(1);

interface Case {
  readonly failure?: Partial<Row>;
  readonly journal?: Journal;
  readonly options?: object;
  readonly leftMs?: number;
  readonly random?: number;
}

function decided({
  failure,
  journal = ONCE,
  options = {},
  leftMs = HOUR_MS,
  random = 0,
}: Case): RetryDecision {
  const full = row({ code: 'upstream_overloaded', ...failure });
  return decideRetry(full, journal, RequestOptions.parse(options), leftMs, () => random);
}

describe('the delay before the next attempt', () => {
  it.each<[string, Case, number]>([
    ['the usual one', {}, 1_000],
    ['longer where the upstream is overloaded', { failure: { backoff: 'overload' } }, 5_000],
    ['doubled', { failure: { backoff: 'overload' }, journal: refusedAttempts(2) }, 10_000],
    ['a minute at most', { failure: { backoff: 'overload' }, journal: refusedAttempts(5) }, 60_000],
    [
      'beyond a minute after a 429 that names no delay, because no time may heal it',
      { failure: { code: 'upstream_rate_limited' }, journal: refusedAttempts(8) },
      128_000,
    ],
    [
      'five minutes at most after such a 429',
      { failure: { code: 'upstream_rate_limited' }, journal: refusedAttempts(20) },
      300_000,
    ],
    [
      'a minute at most after such a 429 near the deadline',
      { failure: { code: 'upstream_rate_limited' }, journal: refusedAttempts(20), leftMs: 600_000 },
      60_000,
    ],
    [
      'a minute at most after a 429 that names a delay',
      { failure: { code: 'upstream_rate_limited', retryAfterMs: 2_000 }, journal: refusedAttempts(20) },
      60_000,
    ],
    ['a minute after a thousand attempts', { journal: refusedAttempts(1_000) }, 60_000],
    ['what the upstream asks for', { failure: { retryAfterMs: 7_000 } }, 7_000],
    [
      'our own where it asks for less, because a short wish does not replace backing off',
      { failure: { retryAfterMs: 10 } },
      1_000,
    ],
    ['what it asks for, also beyond a minute', { failure: { retryAfterMs: 90_000 } }, 90_000],
    ['our own where it asks for none', { failure: { retryAfterMs: 0 } }, 1_000],
    ['up to a quarter longer', { random: 0.999999 }, 1_250],
    ['a quarter longer than the upstream asks for', { failure: { retryAfterMs: 8_000 }, random: 0.5 }, 9_000],
    ['not so long that the deadline would come first', { leftMs: 1_100, random: 0.999999 }, 1_099],
    ['never shorter than it must be, close to the deadline', { leftMs: 1_001, random: 0.999999 }, 1_000],
  ])('is %s', (_what, of, delayMs) => {
    expect(decided(of)).toEqual({ retry: true, delayMs });
  });
});

describe('no further attempt', () => {
  it.each<[string, Case, string, string]>([
    ['the deadline has passed', { leftMs: 0 }, 'deadline_exceeded', 'deadline_exceeded'],
    [
      'nothing can help, also after the deadline',
      { failure: { retry: 'never' }, leftMs: 0 },
      'upstream_overloaded',
      'terminal',
    ],
    ['the wait would end with the deadline', { leftMs: 1_000 }, 'deadline_exceeded', 'deadline_exceeded'],
    [
      'the upstream asks for all the time that is left',
      { failure: { retryAfterMs: 1_000 }, leftMs: 1_000 },
      'upstream_overloaded',
      'deadline_exceeded',
    ],
    [
      'it is the last one allowed',
      { options: { max_attempts: 1 } },
      'upstream_overloaded',
      'attempts_exhausted',
    ],
    [
      'the same failure came twice',
      { failure: { retry: 'twice' }, journal: refusedAttempts(2) },
      'upstream_overloaded',
      'attempts_exhausted',
    ],
  ])('is made where %s', (_what, of, code, reason) => {
    expect(decided(of)).toEqual({ retry: false, code, reason });
  });

  it.each<[string, Case]>([
    [
      'another failure came before',
      { failure: { code: 'upstream_conflict', retry: 'twice' }, journal: refusedAttempts(2) },
    ],
    [
      'the same failure came twice, but in the run before',
      { failure: { retry: 'twice' }, journal: refusedAttempts(1, carryOver(refusedAttempts(2))) },
    ],
    ['one more is allowed', { options: { max_attempts: 2 } }],
    ['the outcome is known, also at most once', { options: { on_unknown_outcome: 'fail' } }],
    [
      'the outcome was unknown, but in the run before',
      {
        journal: refusedAttempts(1, carryOver(interruptAttempt(beginAttempt(ONCE, 2, null)))),
        options: { on_unknown_outcome: 'fail' },
      },
    ],
  ])('is a rule that does not reach further: there is one where %s', (_what, of) => {
    expect(decided(of).retry).toBe(true);
  });
});

describe('an attempt that Temporal begins by itself', () => {
  const interrupted = interruptAttempt(beginAttempt(ONCE, 2, null));
  const refused = (journal: Journal, options: object): string | null =>
    refusalToBegin(journal, RequestOptions.parse(options))?.code ?? null;

  it.each<[string, Journal, object, string | null]>([
    ['may call', interrupted, {}, null],
    ['may call while attempts are left', interrupted, { max_attempts: 3 }, null],
    ['may not call beyond the last', interrupted, { max_attempts: 2 }, 'attempt_interrupted'],
    [
      'may not call after an unknown outcome, at most once',
      interrupted,
      { on_unknown_outcome: 'fail' },
      'outcome_unknown',
    ],
    [
      'is told of the outcome first',
      interrupted,
      { on_unknown_outcome: 'fail', max_attempts: 2 },
      'outcome_unknown',
    ],
    ['may call after a known outcome, at most once', ONCE, { on_unknown_outcome: 'fail' }, null],
  ])('%s', (_what, journal, options, code) => {
    expect(refused(journal, options)).toBe(code);
  });
});

it('makes about 20 attempts in an hour of 429s that name no delay', () => {
  let leftMs = HOUR_MS;
  let attempts = 1;
  for (;;) {
    const failure = { code: 'upstream_rate_limited' } as const;
    const decision = decided({ failure, journal: refusedAttempts(attempts), leftMs, random: 0.5 });
    if (!decision.retry) break;
    leftMs -= decision.delayMs;
    attempts += 1;
  }
  expect(attempts).toBeGreaterThan(15);
  expect(attempts).toBeLessThan(30);
});
