import type { Attempt } from './record.ts';
import { AttemptStatus, Billed, Outcome } from './vocabulary.ts';

/**
 * The attempt journal: what is known of every attempt of a request. It travels in heartbeat details from one
 * attempt to the next and leaves with the activity's result, failure or cancellation. Pure data, JSON-safe.
 *
 * Its rule: an attempt without an end is an unknown outcome, also when nothing at all was written of it. A
 * heartbeat cannot be awaited, so its absence proves nothing.
 */
export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** Upstream calls begun, trimmed entries included. */
  readonly begun: number;
  /** Attempts known to be unknown or lost, trimmed entries included. */
  readonly unknown: number;
  /** Another call began after one of those. */
  readonly duplicate: boolean;
}

/**
 * An attempt and the number Temporal's activity gave it, which starts anew when an operator resets it. 0 marks
 * an attempt of an earlier run.
 */
export interface JournalEntry extends Attempt {
  readonly activity_attempt: number;
}

/** How an attempt ended: the entry's fields that were not known at its start. */
export type AttemptEnd = Omit<Attempt, 'number' | 'started_at'>;

export const EMPTY_JOURNAL: Journal = { entries: [], begun: 0, unknown: 0, duplicate: false };

const KEEP_FIRST = 10;
const KEEP_LAST = 90;

const INTERRUPTED: AttemptEnd = {
  status: AttemptStatus.interrupted,
  outcome: Outcome.unknown,
  billed: Billed.maybe,
  phase: null,
  finished_at: null,
  duration_ms: null,
  upstream_status: null,
  upstream_request_id: null,
  error_code: 'attempt_interrupted',
  retry_after_ms: null,
};

const RUNNING: AttemptEnd = {
  ...INTERRUPTED,
  status: AttemptStatus.running,
  outcome: null,
  billed: null,
  error_code: null,
};

/** Adds a running attempt, after ending whatever came before it (see {@link closeGaps}). */
export function beginAttempt(journal: Journal, activityAttempt: number, startedAt: string | null): Journal {
  const closed = closeGaps(journal, activityAttempt);
  return append(closed, { ...RUNNING, activity_attempt: activityAttempt, started_at: startedAt });
}

/** Ends the attempt that {@link beginAttempt} added last. */
export function endAttempt(journal: Journal, end: AttemptEnd): Journal {
  const last = journal.entries.at(-1);
  if (last === undefined || last.status !== AttemptStatus.running) return journal;
  return {
    ...journal,
    entries: [...journal.entries.slice(0, -1), { ...last, ...end }],
    unknown: journal.unknown + (isUnknown(end.outcome) ? 1 : 0),
  };
}

/** The journal as the next run of the request finds it: all attempts ended, none of them its own. */
export function carryOver(journal: Journal): Journal {
  const ended = interruptAttempt(journal);
  return { ...ended, entries: ended.entries.map((entry) => ({ ...entry, activity_attempt: 0 })) };
}

/** Ends the running attempt as interrupted: its worker is gone and nobody knows whether the call ran. */
export function interruptAttempt(journal: Journal): Journal {
  return endAttempt(journal, INTERRUPTED);
}

/**
 * Ends every attempt before `activityAttempt` that has no end, and adds those of which nothing was written.
 * Safe to repeat. After a reset by an operator the activity counts from 1 again and the journal goes on.
 */
export function closeGaps(journal: Journal, activityAttempt: number): Journal {
  const last = journal.entries.at(-1);
  if (last?.activity_attempt === activityAttempt && last.status === AttemptStatus.running) return journal;
  const written = last?.activity_attempt ?? 0;
  const begunSince = activityAttempt > written ? activityAttempt - written - 1 : activityAttempt - 1;
  let closed = interruptAttempt(journal);
  for (let missing = 1; missing <= begunSince; missing += 1) {
    const number = activityAttempt - begunSince - 1 + missing;
    closed = interruptAttempt(append(closed, { ...RUNNING, activity_attempt: number, started_at: null }));
  }
  return closed;
}

/** The one that knows of more attempts; of the same ones, the first, which is told by who made them. */
export function longer(told: Journal, recalled: Journal | null): Journal {
  return recalled !== null && recalled.begun > told.begun ? recalled : told;
}

/** Whether this run's last attempt is one whose call may have run without its answer being known. */
export function lastOutcomeUnknown(journal: Journal): boolean {
  return isUnknown(entriesOfThisRun(journal).at(-1)?.outcome ?? null);
}

/** The code of the last ended attempt; null when it succeeded or none has ended. */
export function lastErrorCode(journal: Journal): string | null {
  return journal.entries.findLast((entry) => entry.status !== AttemptStatus.running)?.error_code ?? null;
}

/** How many attempts of this run ended with this code. */
export function countEndedWith(journal: Journal, errorCode: string): number {
  return entriesOfThisRun(journal).filter((entry) => entry.error_code === errorCode).length;
}

/** The kept entries of this run; a retry by hand decides anew, whatever the runs before it met. */
export function entriesOfThisRun(journal: Journal): readonly JournalEntry[] {
  return journal.entries.filter((entry) => entry.activity_attempt > 0);
}

function append(journal: Journal, entry: Omit<JournalEntry, 'number'>): Journal {
  const entries = [...journal.entries, { ...entry, number: journal.begun + 1 }];
  return {
    entries:
      entries.length <= KEEP_FIRST + KEEP_LAST
        ? entries
        : [...entries.slice(0, KEEP_FIRST), ...entries.slice(-KEEP_LAST)],
    begun: journal.begun + 1,
    unknown: journal.unknown,
    duplicate: journal.duplicate || journal.unknown > 0,
  };
}

function isUnknown(outcome: Outcome | null): boolean {
  return outcome === Outcome.unknown || outcome === Outcome.lost;
}
