import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginAttempt,
  carryOver,
  closeGaps,
  countEndedWith,
  EMPTY_JOURNAL,
  endAttempt,
  entriesOfThisRun,
  interruptAttempt,
  lastErrorCode,
  lastOutcomeUnknown,
  longer,
  waitForTurn,
  type AttemptEnd,
  type Journal,
} from '../../src/domain/journal.ts';
import { AttemptStatus, Billed, Outcome, Phase } from '../../src/domain/vocabulary.ts';

const AT = '2026-11-24T00:00:00.000Z';

function ended(outcome: Outcome, errorCode: string | null = 'upstream_server_error'): AttemptEnd {
  return {
    status: outcome === Outcome.completed ? AttemptStatus.succeeded : AttemptStatus.failed,
    outcome,
    billed: Billed.maybe,
    phase: Phase.headers,
    finished_at: AT,
    duration_ms: 1,
    upstream_status: 500,
    upstream_request_id: null,
    error_code: errorCode,
    retry_after_ms: null,
  };
}

/** What a worker managed to write of one attempt before it was gone. */
type Written = 'nothing' | 'its beginning' | Outcome;
const written = fc.constantFrom<Written>('nothing', 'its beginning', ...Object.values(Outcome));

/** The journal that the attempt after these finds. */
function after(attempts: readonly Written[], start: Journal = EMPTY_JOURNAL): Journal {
  let heartbeat = start;
  for (const [index, what] of attempts.entries()) {
    if (what === 'nothing') continue;
    const begun = beginAttempt(heartbeat, index + 1, AT);
    heartbeat = what === 'its beginning' ? begun : endAttempt(begun, ended(what));
  }
  return closeGaps(heartbeat, attempts.length + 1);
}

const unknownIn = (attempts: readonly Written[]): number =>
  attempts.filter(
    (what) => what === 'nothing' || what === 'its beginning' || what === 'unknown' || what === 'lost',
  ).length;

describe('the attempt journal', () => {
  it('counts every attempt that Temporal began, also those of which nothing was written', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 130 }), (attempts) => {
        const journal = after(attempts);
        expect(journal.begun).toBe(attempts.length);
        expect(journal.unknown).toBe(unknownIn(attempts));
        expect(journal.duplicate).toBe(unknownIn(attempts.slice(0, -1)) > 0);
      }),
    );
  });

  it('keeps the first 10 and the last 90, each with its own number', () => {
    fc.assert(
      fc.property(fc.array(written, { minLength: 101, maxLength: 160 }), (attempts) => {
        const numbers = after(attempts).entries.map(({ number }) => number);
        const total = attempts.length;
        expect(numbers).toEqual([
          ...Array.from({ length: 10 }, (_, index) => index + 1),
          ...Array.from({ length: 90 }, (_, index) => total - 89 + index),
        ]);
      }),
    );
  });

  it('says the same however often it is closed: readers and attempts do it alike', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 20 }), (attempts) => {
        const journal = after(attempts);
        expect(closeGaps(journal, attempts.length + 1)).toEqual(journal);
      }),
    );
  });

  it('never knows less than it knew: another attempt adds, whatever is written of it', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 20 }), written, (attempts, next) => {
        const [before, later] = [after(attempts), after([...attempts, next])];
        expect(later.begun).toBe(before.begun + 1);
        expect(later.unknown).toBeGreaterThanOrEqual(before.unknown);
        expect(later.entries.slice(0, before.entries.length)).toEqual(before.entries);
      }),
    );
  });

  it('goes on over a retry by hand: numbers and unknowns stay, decisions start anew', () => {
    fc.assert(
      fc.property(
        fc.array(written, { maxLength: 12 }),
        fc.array(written, { maxLength: 12 }),
        (first, second) => {
          const carried = carryOver(after(first));
          expect(entriesOfThisRun(carried)).toEqual([]);
          expect([lastOutcomeUnknown(carried), countEndedWith(carried, 'upstream_server_error')]).toEqual([
            false,
            0,
          ]);
          const journal = after(second, carried);
          expect(journal.begun).toBe(first.length + second.length);
          expect(journal.entries.map(({ number }) => number)).toEqual(
            journal.entries.map((_, index) => index + 1),
          );
          expect(journal.unknown).toBe(unknownIn(first) + unknownIn(second));
          expect(entriesOfThisRun(journal)).toHaveLength(second.length);
        },
      ),
    );
  });

  it('goes on over a reset by an operator, after which Temporal counts from 1 again', () => {
    const before = after([Outcome.notRun, Outcome.notRun, Outcome.notRun]);
    const reset = endAttempt(beginAttempt(before, 1, AT), ended(Outcome.rejected));
    expect(closeGaps(reset, 2)).toMatchObject({ begun: 4, unknown: 0 });
  });

  it('ends what still ran when its worker is gone as interrupted, outcome unknown', () => {
    const journal = interruptAttempt(beginAttempt(EMPTY_JOURNAL, 1, AT));
    expect(journal).toMatchObject({ begun: 1, unknown: 1, duplicate: false });
    expect(journal.entries[0]).toMatchObject({ status: 'interrupted', outcome: 'unknown', billed: 'maybe' });
    expect(lastErrorCode(journal)).toBe('attempt_interrupted');
    expect(interruptAttempt(journal)).toBe(journal);
  });

  it("prefers the journal with more attempts, and on a tie the worker's own report", () => {
    const [one, two] = [after([Outcome.notRun]), after([Outcome.notRun, Outcome.notRun])];
    expect(longer(one, two)).toBe(two);
    expect(longer(two, one)).toBe(two);
    const told = after([Outcome.rejected]);
    expect(longer(told, one)).toBe(told);
    expect(longer(told, null)).toBe(told);
  });
});

describe('an attempt that was sent back to wait for its turn', () => {
  const wait = { lane: 'l', reason: 'r', wait_ms: 1_000, pace: 2 };

  it('is no attempt, and proves that none of those since the last call has called', () => {
    const once = endAttempt(beginAttempt(EMPTY_JOURNAL, 1, AT), ended(Outcome.notRun));
    const waiting = waitForTurn(once, 2, wait);
    expect(waiting).toMatchObject({ begun: 1, unknown: 0, paced: { lane: 'l', activity_attempt: 2 } });
    // Attempts 3 to 5 were killed before they had recorded anything.
    expect(closeGaps(waiting, 6)).toEqual(waiting);
    expect(waitForTurn(waiting, 6, wait)).toMatchObject({ begun: 1, paced: { activity_attempt: 6 } });
    const begun = beginAttempt(waiting, 6, AT);
    expect(begun).toMatchObject({ begun: 2, unknown: 0, duplicate: false });
    expect(begun).not.toHaveProperty('paced');
  });

  it('hides nothing of the attempts before it', () => {
    const lost = beginAttempt(EMPTY_JOURNAL, 1, AT);
    expect(waitForTurn(lost, 2, wait)).toMatchObject({ begun: 1, unknown: 1 });
    expect(waitForTurn(EMPTY_JOURNAL, 3, wait)).toMatchObject({ begun: 2, unknown: 2 });
  });

  it('is forgotten when its beginning is recorded, so that the next gap is unknown again', () => {
    const begun = beginAttempt(waitForTurn(EMPTY_JOURNAL, 3, wait), 4, AT);
    expect(closeGaps(begun, 6)).toMatchObject({ begun: 4, unknown: 4 });
  });

  it('does not wait in the next run of the request', () => {
    expect(carryOver(waitForTurn(EMPTY_JOURNAL, 1, wait))).toEqual(EMPTY_JOURNAL);
  });
});
