import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginAttempt,
  carryOver,
  EMPTY_JOURNAL,
  endAttempt,
  type Journal,
} from '../../src/domain/journal.ts';
import { RequestOptions } from '../../src/domain/options.ts';
import { decideRetry, refusalToBegin } from '../../src/domain/retry-policy.ts';
import { countedOver } from '../../src/domain/run-contract.ts';
import { Retry, type UpstreamFailure } from '../../src/domain/upstream-failure.ts';
import { AttemptStatus, Billed, Outcome, Phase } from '../../src/domain/vocabulary.ts';

const AT = '2026-11-24T00:00:00.000Z';
const HOUR_MS = 3_600_000;

function failure(fields: Partial<UpstreamFailure> = {}): UpstreamFailure {
  return {
    code: 'upstream_overloaded',
    outcome: Outcome.notRun,
    billed: Billed.no,
    phase: Phase.headers,
    retry: Retry.always,
    backoff: 'usual',
    retryAfterMs: null,
    upstreamStatus: 503,
    upstreamCode: null,
    upstreamType: null,
    upstreamParam: null,
    upstreamRequestId: null,
    detail: null,
    toldNotToRetry: false,
    ...fields,
  };
}

/** The journal after so many attempts that all ended alike. */
function journalOf(
  count: number,
  fields: Partial<UpstreamFailure> = {},
  start: Journal = EMPTY_JOURNAL,
): Journal {
  const { outcome, code } = failure(fields);
  let journal = start;
  for (let attempt = 1; attempt <= count; attempt += 1) {
    journal = endAttempt(beginAttempt(journal, attempt, AT), {
      status: AttemptStatus.failed,
      outcome,
      billed: Billed.no,
      phase: Phase.headers,
      finished_at: AT,
      duration_ms: 1,
      upstream_status: 503,
      upstream_request_id: null,
      error_code: code,
      retry_after_ms: null,
    });
  }
  return journal;
}

const options = (fields: object = {}): RequestOptions => RequestOptions.parse(fields);

describe('what follows a failed attempt', () => {
  it("comes never before the upstream's wish, at most a quarter later, and never at 0", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: HOUR_MS - 1 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (told, random) => {
          const decision = decideRetry(
            failure({ retryAfterMs: told }),
            journalOf(1),
            options(),
            HOUR_MS,
            () => random,
          );
          if (!decision.retry) throw new Error('expected a retry');
          const floor = Math.max(1_000, told);
          expect(decision.delayMs).toBeGreaterThanOrEqual(floor);
          expect(decision.delayMs).toBeLessThanOrEqual(
            Math.max(floor, Math.min(Math.ceil(floor * 1.25), HOUR_MS - 1)),
          );
        },
      ),
    );
  });

  it('backs off all the same where the upstream tells the same short delay each time', () => {
    const delays = [1, 2, 3, 4, 5, 9].map((count) => {
      const decision = decideRetry(
        failure({ retryAfterMs: 2_000 }),
        journalOf(count),
        options(),
        HOUR_MS,
        () => 0,
      );
      return decision.retry ? decision.delayMs : null;
    });
    expect(delays).toEqual([2_000, 2_000, 4_000, 8_000, 16_000, 60_000]);
  });

  it("is not ended by ReqRun's backoff while the upstream's delay fits: it waits half of the time left", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 59_999 }), fc.integer({ min: 1, max: 59_999 }), (told, left) => {
        const decision = decideRetry(
          failure({ retryAfterMs: told }),
          journalOf(12),
          options(),
          left,
          () => 0.99,
        );
        expect(decision.retry).toBe(told < left);
        if (!decision.retry) return;
        expect(decision.delayMs).toBeGreaterThanOrEqual(told);
        expect(decision.delayMs).toBeLessThanOrEqual(Math.max(1, left - 1));
      }),
    );
  });

  it('doubles from its first delay up to a minute where the upstream says nothing', () => {
    const delays = [1, 2, 3, 6, 7, 8, 40].map((count) => {
      const decision = decideRetry(failure(), journalOf(count), options(), HOUR_MS, () => 0);
      return decision.retry ? decision.delayMs : null;
    });
    expect(delays).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('starts its delays anew with a retry by hand, whatever the runs before met', () => {
    const second = journalOf(1, {}, carryOver(journalOf(9)));
    const decision = decideRetry(failure(), second, options(), HOUR_MS, () => 0);
    expect(decision).toEqual({ retry: true, delayMs: 1_000 });
  });

  it('is the end at once where the wait would pass the deadline, with the code that tells why', () => {
    const told = decideRetry(failure({ retryAfterMs: 9_000 }), journalOf(1), options(), 9_000, () => 0);
    expect(told).toEqual({ retry: false, code: 'upstream_overloaded', reason: 'deadline_exceeded' });
    const own = decideRetry(failure(), journalOf(1), options(), 500, () => 0);
    expect(own).toEqual({ retry: false, code: 'deadline_exceeded', reason: 'deadline_exceeded' });
  });

  it.each([
    [
      'an unknown outcome under "fail"',
      { outcome: Outcome.unknown },
      1,
      { on_unknown_outcome: 'fail' },
      'outcome_unknown',
    ],
    [
      'a lost one under "fail"',
      { outcome: Outcome.lost },
      1,
      { on_unknown_outcome: 'fail' },
      'outcome_unknown',
    ],
    ['the last of max_attempts', {}, 3, { max_attempts: 3 }, 'upstream_overloaded'],
    ['the second of two tries', { retry: Retry.twice }, 2, {}, 'upstream_overloaded'],
    ['the third of a few tries', { retry: Retry.few }, 3, {}, 'upstream_overloaded'],
    ['a failure that nothing can mend', { retry: Retry.never }, 1, {}, 'upstream_overloaded'],
  ] as const)('is the end after %s', (_what, fields, count, more, code) => {
    const decision = decideRetry(failure(fields), journalOf(count, fields), options(more), HOUR_MS, () => 0);
    expect(decision).toMatchObject({ retry: false, code });
  });
});

describe('an attempt that Temporal began by itself', () => {
  it('makes no call after an unknown outcome under "fail", nor beyond max_attempts', () => {
    const unknown = journalOf(1, { outcome: Outcome.unknown });
    expect(refusalToBegin(unknown, options({ on_unknown_outcome: 'fail' }))?.code).toBe('outcome_unknown');
    expect(refusalToBegin(unknown, options())).toBeNull();
    expect(refusalToBegin(journalOf(2), options({ max_attempts: 2 }))).toMatchObject({
      code: 'attempt_interrupted',
      reason: 'attempts_exhausted',
    });
  });

  it('does not count the attempts of earlier runs, because a retry by hand renews max_attempts', () => {
    const earlier = carryOver(journalOf(5, { outcome: Outcome.unknown }));
    const inForce = countedOver(options({ max_attempts: 1, on_unknown_outcome: 'fail' }), earlier);
    expect(inForce.max_attempts).toBe(6);
    expect(refusalToBegin(earlier, inForce)).toBeNull();
    expect(refusalToBegin(journalOf(1, {}, earlier), inForce)?.code).toBe('attempt_interrupted');
    expect(countedOver(options(), earlier).max_attempts).toBeNull();
  });
});
