import type { AnswerFacts } from './answer-facts.ts';
import type { LaneWait } from './lane.ts';
import type { BlobRef } from './raw-json.ts';
import type { Attempt } from './record.ts';
import type { StreamCuts } from './streams/cuts.ts';
import { AttemptStatus, Billed, Outcome } from './vocabulary.ts';

/**
 * The attempt journal: what is known of every attempt of a request. Heartbeat details carry it from one
 * attempt to the next. It leaves the activity with its result, failure or cancellation. Pure data, JSON-safe.
 *
 * An attempt without a recorded end has an unknown outcome, even if nothing was recorded of it, because a
 * worker cannot await a heartbeat: a missing heartbeat does not prove that the call was not made.
 */
export interface Journal {
  readonly entries: readonly JournalEntry[];
  /** Attempts begun, including trimmed entries. */
  readonly begun: number;
  /** Attempts whose outcome is unknown or lost, including trimmed entries. */
  readonly unknown: number;
  /** True when another call began after an attempt whose outcome is unknown or lost. */
  readonly duplicate: boolean;
  /** Present while the request waits for its turn in a lane. */
  readonly paced?: PacedWait;
  /** Present while the worker puts the answer of the last attempt into the blob store. */
  readonly storing?: StoringResult;
  /** What the record shows of the answer; present when the last attempt completed. */
  readonly answer?: AnswerFacts;
  /** How the answer was cut into events; present when the last attempt completed and was streamed. */
  readonly stream?: StoredStream;
}

/** What the result of a streamed attempt needs to be given as the same events again. */
export interface StoredStream {
  /** The attempt's number. */
  readonly attempt: number;
  readonly cuts: StreamCuts;
}

/**
 * Proves that no call was made since the last entry: the attempts since then have waited for their turn in a lane. The
 * attempt that gets its turn records its beginning before it calls, and Temporal confirms that record. So as long as
 * this is the last record, none of them has called.
 */
export interface PacedWait extends LaneWait {
  /** Temporal's number of the activity attempt that waited last. */
  readonly activity_attempt: number;
}

/**
 * The last attempt has its answer, and the worker stores it under this reference. If the worker dies, the next attempt
 * looks there: it completes the request with what it finds, or records that the answer is lost. Until then no call is
 * made, so as long as this is the last record, no attempt after the last entry has called.
 */
export interface StoringResult {
  readonly ref: BlobRef;
  /** How the attempt ends if the answer is there. */
  readonly end: AttemptEnd;
  readonly completed: CompletedCall;
}

/** What the journal has of a completed call beside the end of its attempt. */
export type CompletedCall = Pick<Journal, 'answer' | 'stream'>;

/**
 * An attempt, with the number that Temporal's activity gave it. That number starts again at 1 when an
 * operator resets the activity. 0 marks an attempt of an earlier run.
 */
export interface JournalEntry extends Attempt {
  readonly activity_attempt: number;
}

/** How an attempt ended: the fields that are not known at its start. */
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

/** Records that an activity attempt waits for its turn and has made no call. It is not counted as an attempt. */
export function waitForTurn(journal: Journal, activityAttempt: number, wait: LaneWait): Journal {
  return { ...closeGaps(journal, activityAttempt), paced: { ...wait, activity_attempt: activityAttempt } };
}

/**
 * Ends the attempt whose answer was being stored, because the answer is not in the store. The activity attempts since
 * then have only looked for it.
 */
export function loseResult(
  journal: Journal,
  activityAttempt: number,
  end: AttemptEnd,
  wait: LaneWait,
): Journal {
  return { ...endAttempt(journal, end), paced: { ...wait, activity_attempt: activityAttempt } };
}

/** Adds a running attempt. All attempts before it are ended first (see {@link closeGaps}). */
export function beginAttempt(journal: Journal, activityAttempt: number, startedAt: string | null): Journal {
  const { paced: _over, storing: _ended, ...closed } = closeGaps(journal, activityAttempt);
  return append(closed, { ...RUNNING, activity_attempt: activityAttempt, started_at: startedAt });
}

/** Ends the running attempt that {@link beginAttempt} added last. */
export function endAttempt(journal: Journal, end: AttemptEnd): Journal {
  const last = journal.entries.at(-1);
  if (last === undefined || last.status !== AttemptStatus.running) return journal;
  const { storing: _ended, ...others } = journal;
  return {
    ...others,
    entries: [...journal.entries.slice(0, -1), { ...last, ...end }],
    unknown: journal.unknown + (isUnknown(end.outcome) ? 1 : 0),
  };
}

/**
 * The journal with which the next run of the request starts. All attempts in it have ended, and all count as
 * attempts of earlier runs.
 */
export function carryOver(journal: Journal): Journal {
  const { paced: _over, ...ended } = interruptAttempt(journal);
  return { ...ended, entries: ended.entries.map((entry) => ({ ...entry, activity_attempt: 0 })) };
}

/** Ends the running attempt as interrupted: its worker is gone, and whether the call ran is unknown. */
export function interruptAttempt(journal: Journal): Journal {
  return endAttempt(journal, INTERRUPTED);
}

/**
 * Ends every attempt before `activityAttempt` that has no end, and adds the attempts that were not recorded
 * at all. Adds none while the request waits for its turn or its result is being stored, see {@link PacedWait} and
 * {@link StoringResult}. Safe to repeat. After a reset by an operator the activity counts from 1 again, and the journal
 * continues its own count.
 */
export function closeGaps(journal: Journal, activityAttempt: number): Journal {
  if (journal.paced !== undefined || journal.storing !== undefined) return journal;
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

/**
 * Returns the journal with more attempts. If both have the same number, returns `told`, because it comes from
 * the worker that made the attempts.
 */
export function longer(told: Journal, recalled: Journal | null): Journal {
  return recalled !== null && recalled.begun > told.begun ? recalled : told;
}

/** Whether the outcome of the last attempt of this run is unknown or lost: the call may have run. */
export function lastOutcomeUnknown(journal: Journal): boolean {
  return isUnknown(entriesOfThisRun(journal).at(-1)?.outcome ?? null);
}

/** The error code of the last attempt that ended. Null when it succeeded, or when none has ended. */
export function lastErrorCode(journal: Journal): string | null {
  return journal.entries.findLast((entry) => entry.status !== AttemptStatus.running)?.error_code ?? null;
}

/** The number of attempts of this run that ended with this code. */
export function countEndedWith(journal: Journal, errorCode: string): number {
  return entriesOfThisRun(journal).filter((entry) => entry.error_code === errorCode).length;
}

/** The kept entries of this run. Retry decisions use only these, because a retry by hand starts its own count. */
export function entriesOfThisRun(journal: Journal): readonly JournalEntry[] {
  return journal.entries.filter((entry) => entry.activity_attempt > 0);
}

function append(journal: Journal, entry: Omit<JournalEntry, 'number'>): Journal {
  const entries = [...journal.entries, { ...entry, number: journal.begun + 1 }];
  return {
    ...journal,
    entries:
      entries.length <= KEEP_FIRST + KEEP_LAST
        ? entries
        : [...entries.slice(0, KEEP_FIRST), ...entries.slice(-KEEP_LAST)],
    begun: journal.begun + 1,
    duplicate: journal.duplicate || journal.unknown > 0,
  };
}

function isUnknown(outcome: Outcome | null): boolean {
  return outcome === Outcome.unknown || outcome === Outcome.lost;
}
