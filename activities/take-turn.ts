import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { totalTokens } from '../src/domain/answer-facts.ts';
import { type Journal, waitForTurn } from '../src/domain/journal.ts';
import type { LaneOutcome, LaneWait } from '../src/domain/lane.ts';
import { RESUME_DELAY_MS } from '../src/domain/retry-policy.ts';
import type { RequestIdentity, UpstreamCall } from '../src/domain/run-contract.ts';
import { DEADLINE_ERROR, type RunEnd } from '../src/domain/run-end.ts';
import { slowsLane } from '../src/domain/upstream-failure.ts';
import type { Turn, Visit } from '../src/lanes/lane.ts';
import type { Lanes } from '../src/lanes/lanes.ts';
import type { LaneAddress } from '../src/upstream/by-project.ts';
import type { UpstreamAnswer } from '../src/upstream/client.ts';

/** An attempt that has made no call yet. */
interface WaitingAttempt {
  readonly call: UpstreamCall;
  readonly request: RequestIdentity;
  readonly workflowId: string;
  /** Null = no call can go out, so there is no turn to wait for. */
  readonly lane: LaneAddress | null;
  /** Size of the body. */
  readonly bytes: number;
  /** The journal in which every earlier attempt has ended. */
  readonly journal: Journal;
  /** Temporal's number. */
  readonly attempt: number;
  /** When the request began to wait, Unix ms by Temporal's clock. */
  readonly sinceMs: number;
  readonly timeLeftMs: number;
  /** Aborts the wait. */
  readonly signal: AbortSignal;
  /** Writes the journal to Temporal. Resolves when Temporal has it on disk. */
  readonly record: (journal: Journal) => Promise<void>;
}

/** The turn of an attempt. */
export interface TakenTurn {
  /**
   * Whether Temporal has it that the attempt waits and has made no call. Then Temporal must have its beginning before
   * the call is made.
   */
  readonly isRecorded: boolean;
  /** Reports the end of the call to the lane. */
  end(outcome: LaneOutcome): void;
}

/** A common estimate for English text. The lane corrects it by what the upstream counts. */
const BYTES_PER_TOKEN = 4;
const NO_TURN = { end: () => undefined };

/**
 * Waits for the attempt's turn in its lane, until the turn comes, the signal aborts or the deadline passes. A wait in
 * this process is recorded first, so that no outcome is unknown if the worker dies meanwhile.
 *
 * @throws SentBack if the turn is too far away
 */
export async function takeTurn(lanes: Lanes, waiting: WaitingAttempt): Promise<TakenTurn> {
  const { call, request, journal, attempt, timeLeftMs } = waiting;
  const isRecorded = journal.paced !== undefined;
  if (waiting.lane === null) return { isRecorded, ...NO_TURN };
  const lane = lanes.of(waiting.lane);
  const visit = lane.enter({
    id: waiting.workflowId,
    project: request.project,
    weight: waiting.lane.weight,
    priority: call.options.priority,
    sinceMs: waiting.sinceMs,
    tokens: waiting.bytes / BYTES_PER_TOKEN,
    timeLeftMs,
    carried: journal.paced ?? null,
    // Temporal limits the attempts of a run of 0.1.0, and would count those that make no call.
    mayReturn: call.request !== undefined || call.options.max_attempts === null,
  });
  if (visit.atOnce !== null) return { isRecorded, ...taken(visit.atOnce, journal, attempt) };
  const { id, pace } = lane.snapshot();
  const here = { lane: id, reason: 'its turn comes within moments', wait_ms: 0, pace };
  await waiting.record(waitForTurn(journal, attempt, here)).catch(() => {
    visit.leave();
    // It may arrive later all the same, so no call may follow it.
    throw new SentBack(journal, attempt, NOT_CONFIRMED);
  });
  const turn = await untilEnded(visit, waiting.signal, timeLeftMs);
  return { isRecorded: true, ...(turn === null ? NO_TURN : taken(turn, journal, attempt)) };
}

function taken(turn: Turn, journal: Journal, attempt: number): Pick<TakenTurn, 'end'> {
  if (turn.kind === 'return') throw new SentBack(journal, attempt, turn.wait);
  return { end: turn.call.end };
}

/** The turn; null if the signal or the deadline ends the wait first. */
async function untilEnded(visit: Visit, signal: AbortSignal, timeLeftMs: number): Promise<Turn | null> {
  const ended = Promise.withResolvers<null>();
  const end = (): void => ended.resolve(null);
  const timer = setTimeout(end, Math.max(0, timeLeftMs));
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  const turn = await Promise.race([visit.turn, ended.promise]);
  visit.leave();
  clearTimeout(timer);
  signal.removeEventListener('abort', end);
  return turn;
}

/** Sends an attempt back to Temporal to wait for its turn. It has made no call. */
export class SentBack extends Error {
  /** The journal in which the attempt waits. */
  readonly journal: Journal;
  readonly wait: LaneWait;

  /** @param journal the journal in which every earlier attempt has ended */
  constructor(journal: Journal, attempt: number, wait: LaneWait) {
    super('the attempt waits for its turn');
    this.name = 'SentBack';
    this.journal = waitForTurn(journal, attempt, wait);
    this.wait = wait;
  }

  /** The failure by which Temporal schedules the attempt again. The UI shows its message in Pending Activities. */
  toFailure(): ApplicationFailure {
    const { journal, wait } = this;
    const why = wait.lane === null ? wait.reason : `waits for its turn in lane ${wait.lane} (${wait.reason})`;
    const next = `asks again in ${Math.ceil(wait.wait_ms / 1000)} s`;
    return ApplicationFailure.create({
      type: 'waits_for_turn',
      message: `call ${journal.begun + 1} not made yet: ${why}; ${next}`,
      nextRetryDelay: wait.wait_ms,
      // Not an error: without this, the SDK logs and counts each return as a failure.
      category: ApplicationFailureCategory.BENIGN,
      // Read only if Temporal ends the activity meanwhile, which it does at the deadline.
      details: [{ error: DEADLINE_ERROR, journal } satisfies RunEnd],
    });
  }
}

/** The wait of an attempt that has its turn and cannot use it. */
const again = (reason: string): LaneWait => ({ lane: null, reason, wait_ms: RESUME_DELAY_MS, pace: null });
export const WORKER_STOPS = again('the worker stops');
export const SUPERSEDED = again('a later attempt has taken its place');
export const NOT_CONFIRMED = again('Temporal did not confirm what the attempt reported');

/** What the end of a call shows its lane. */
export function toLaneOutcome(answer: UpstreamAnswer): LaneOutcome {
  const { limits } = answer;
  if (answer.kind === 'completed') return { kind: 'answered', limits, tokens: totalTokens(answer.facts) };
  const { failure } = answer;
  if (slowsLane(failure)) return { kind: 'refused', limits, retryAfterMs: failure.retryAfterMs };
  // A 5xx and a broken connection show nothing of a limit.
  const isHandled = failure.upstreamStatus !== null && failure.upstreamStatus < 500;
  return isHandled ? { kind: 'answered', limits, tokens: null } : { kind: 'other' };
}
