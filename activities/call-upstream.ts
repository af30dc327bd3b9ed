import { Context } from '@temporalio/activity';
import {
  type AttemptEnd,
  beginAttempt,
  closeGaps,
  EMPTY_JOURNAL,
  endAttempt,
  type Journal,
  skipAttempt,
} from '../src/domain/journal.ts';
import { RawJson } from '../src/domain/raw-json.ts';
import { fromWorkflowId } from '../src/domain/request-id.ts';
import { refusalToBegin } from '../src/domain/retry-policy.ts';
import { isJournal, type RunActivities, type UpstreamCall } from '../src/domain/run-contract.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR } from '../src/domain/run-end.ts';
import type { ProjectUpstreams } from '../src/upstream/by-project.ts';
import { attemptFailure, failedEnd, finalFailure, succeededEnd, toCancellation } from './attempt-failure.ts';
import { heartbeatWhileRunning, limitAttempt } from './heartbeat.ts';
import type { RunningCall, RunningCalls } from './running-calls.ts';

/** What Temporal says of an attempt that runs. */
export interface Inquiry {
  /** The request's cancellation was accepted already. */
  readonly isCancelled: boolean;
  /** When the attempt began by Temporal's clock, Unix ms; null where it did not say. */
  readonly startedAtMs: number | null;
}

/** What the activities need; clock and randomness come in for tests. */
export interface ActivityDependencies {
  readonly upstream: Pick<ProjectUpstreams, 'complete'>;
  /** Unix ms. */
  readonly now: () => number;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly runningCalls: RunningCalls;
  /** Asks Temporal about the attempt that is being made; bounded in time, never an exception. */
  readonly inquire: () => Promise<Inquiry>;
  readonly log: { info(fields: object, message: string): void };
  /** Null = nobody counts. */
  readonly observer: AttemptObserver | null;
}

/**
 * While no worker is up to carry a cancellation out, Temporal goes on scheduling attempts; and a wait this long
 * may be none at all, but a clock of this machine's that is wrong. Such an attempt, and every later one, asks
 * before it calls.
 */
const DOUBTFUL_MS = 1_000;

/** An attempt that may begin. */
interface Attempt {
  readonly context: Context;
  readonly call: UpstreamCall;
  readonly body: RawJson;
  /** What came before it. */
  readonly before: Journal;
  readonly running: RunningCall;
  /** Unix ms by Temporal's clock. */
  readonly now: () => number;
}

/** One attempt of the upstream call. Temporal repeats it; nothing else does. */
export function createActivities(dependencies: ActivityDependencies): RunActivities<RawJson> {
  const { upstream, random, runningCalls, log, observer } = dependencies;

  async function makeCall({ context, call, body, before, running, now }: Attempt): Promise<RawJson> {
    const startedAtMs = now();
    const journal = beginAttempt(before, context.info.attempt, new Date(startedAtMs).toISOString());
    const number = journal.begun;
    const broken = AbortSignal.any([context.cancellationSignal, running.cancelled]);
    const limit = limitAttempt(call, startedAtMs, broken);
    const heartbeat = heartbeatWhileRunning(context, journal);
    observer?.callBegan();
    const answer = await upstream
      .complete({
        body: body.bytes,
        requestId: call.request_id,
        isKeyed: call.is_keyed === true,
        attempt: number,
        signal: limit.signal,
      })
      .finally(() => {
        limit.clear();
        heartbeat.stop();
        observer?.callEnded();
      });

    const endedAtMs = now();
    const { project, id } = fromWorkflowId(call.request_id);
    const fields = { project, request_id: id, attempt: number, duration_ms: endedAtMs - startedAtMs };
    if (answer.kind === 'completed') {
      const end = succeededEnd(answer, startedAtMs, endedAtMs);
      observer?.attemptEnded(end);
      log.info(fields, 'attempt succeeded');
      return new RawJson(answer.bytes, endAttempt(journal, end));
    }
    const cancellation = toCancellation(context.cancellationSignal, running.cancelled);
    const end = failedEnd(answer.failure, cancellation, startedAtMs, endedAtMs);
    observer?.attemptEnded(end);
    const ended = endAttempt(journal, end);
    // Travels with the failure; the next attempt finds it in its heartbeat details.
    context.heartbeat(ended);
    log.info({ ...fields, code: end.error_code, outcome: end.outcome }, `attempt ${end.status}`);
    throw attemptFailure({
      failure: answer.failure,
      cancellation,
      journal: ended,
      options: call.options,
      timeLeftMs: call.deadline_at_ms - endedAtMs,
      random,
    });
  }

  return {
    async callUpstream(call: UpstreamCall, body: RawJson): Promise<RawJson> {
      const context = Context.current();
      const { attempt, scheduledTimestampMs, heartbeatDetails } = context.info;
      const before = closeGaps(previousJournal(heartbeatDetails, call.earlier), attempt);
      const begunMs = dependencies.now();
      const isDoubtful = attempt > 1 || Math.abs(begunMs - scheduledTimestampMs) > DOUBTFUL_MS;
      // From here on a cancellation reaches this attempt, also while it still asks.
      const running = runningCalls.enter(call.request_id);
      try {
        const told = isDoubtful ? await dependencies.inquire() : NOTHING_ASKED;
        // The deadline is a time of Temporal's clock.
        const aheadMs = begunMs - (told.startedAtMs ?? begunMs);
        const now = (): number => dependencies.now() - aheadMs;
        refuseToBegin(call, before, attempt, told.isCancelled || running.cancelled.aborted, now());
        return await makeCall({ context, call, body, before, running, now });
      } finally {
        running.leave();
      }
    },
  };
}

const NOTHING_ASKED: Inquiry = { isCancelled: false, startedAtMs: null };

function previousJournal(heartbeatDetails: unknown, earlier: Journal = EMPTY_JOURNAL): Journal {
  return isJournal(heartbeatDetails) ? heartbeatDetails : earlier;
}

/** What the attempts before this one, a cancellation or the clock forbid; the upstream is not called then. */
function refuseToBegin(
  call: UpstreamCall,
  journal: Journal,
  attempt: number,
  isCancelled: boolean,
  nowMs: number,
): void {
  const refusal = refusalToBegin(journal, call.options);
  if (refusal !== null) throw finalFailure({ error: refusal, journal });
  const error = isCancelled ? CANCELLED_ERROR : nowMs >= call.deadline_at_ms ? DEADLINE_ERROR : null;
  if (error === null) return;
  const skipped = skipAttempt(journal, attempt, new Date(nowMs).toISOString(), error.code);
  throw finalFailure({ error, journal: skipped });
}

/** Told of the upstream calls that a worker makes. */
export interface AttemptObserver {
  callBegan(): void;
  /** Once for each call that began, whatever became of it. */
  callEnded(): void;
  attemptEnded(end: Pick<AttemptEnd, 'outcome' | 'error_code' | 'duration_ms'>): void;
}
