import { Context } from '@temporalio/activity';
import {
  type AttemptEnd,
  beginAttempt,
  closeGaps,
  EMPTY_JOURNAL,
  endAttempt,
  type Journal,
} from '../src/domain/journal.ts';
import { RawJson } from '../src/domain/raw-json.ts';
import { refusalToBegin } from '../src/domain/retry-policy.ts';
import {
  identityOf,
  asksFirst,
  isJournal,
  type RunActivities,
  type UpstreamCall,
} from '../src/domain/run-contract.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR } from '../src/domain/run-end.ts';
import type { ProjectUpstreams } from '../src/upstream/by-project.ts';
import { attemptFailure, failedEnd, finalFailure, succeededEnd, toCancellation } from './attempt-failure.ts';
import { heartbeatWhileRunning, limitAttempt } from './heartbeat.ts';
import type { RunningCalls } from './running-calls.ts';
import { FIRST_OPERATION } from '../src/domain/operations.ts';
import type { UpstreamAnswer } from '../src/upstream/client.ts';

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

/** An attempt that may begin. */
interface Attempt {
  readonly call: UpstreamCall;
  readonly body: RawJson;
  readonly workflowId: string;
  /** Unix ms by Temporal's clock. */
  readonly now: () => number;
  /** Aborted when the request's cancellation is known or the attempt is to end with its worker. */
  readonly broken: AbortSignal;
  /** The journal with this attempt begun. */
  readonly journal: Journal;
  readonly startedAtMs: number;
}

/** One attempt of the upstream call. Temporal repeats it; nothing else does. */
export function createActivities(dependencies: ActivityDependencies): RunActivities<RawJson> {
  const { upstream, random, runningCalls, log, observer } = dependencies;

  function callOnce({
    call,
    body,
    workflowId,
    broken,
    journal,
    startedAtMs,
  }: Attempt): Promise<UpstreamAnswer> {
    const limit = limitAttempt(call, startedAtMs, broken);
    observer?.callBegan();
    return upstream
      .complete({
        operation: call.operation ?? FIRST_OPERATION,
        body: body.bytes,
        request: identityOf(call, workflowId),
        clientRequestId: `${workflowId}/${journal.begun}`,
        signal: limit.signal,
      })
      .finally(() => {
        limit.clear();
        observer?.callEnded();
      });
  }

  return {
    async callUpstream(call: UpstreamCall, body: RawJson): Promise<RawJson> {
      const context = Context.current();
      const { attempt, scheduledTimestampMs, heartbeatDetails } = context.info;
      const { workflowId } = context.info.workflowExecution ?? {};
      if (workflowId === undefined) throw new TypeError('an upstream call belongs to a workflow');
      const before = closeGaps(previousJournal(heartbeatDetails, call.earlier), attempt);
      // Before anything that may be slow: Temporal may have been told to give a silent attempt up after 1 s.
      const heartbeat = heartbeatWhileRunning(context, before);
      // From here on a cancellation reaches this attempt, also while it still asks.
      const running = runningCalls.enter(workflowId);
      try {
        const begunMs = dependencies.now();
        const asks = asksFirst(attempt, Math.abs(begunMs - scheduledTimestampMs));
        const told = asks ? await dependencies.inquire() : NOTHING_ASKED;
        // The deadline is a time of Temporal's clock.
        const aheadMs = begunMs - (told.startedAtMs ?? begunMs);
        const now = (): number => dependencies.now() - aheadMs;
        const startedAtMs = now();
        refuseToBegin(call, before, told.isCancelled || running.cancelled.aborted, startedAtMs);
        const journal = beginAttempt(before, attempt, new Date(startedAtMs).toISOString());
        heartbeat.set(journal);
        // A reader that knows of a cancellation or a deadline does not count an attempt that asks until it says this.
        if (asks) context.heartbeat(journal);

        const broken = AbortSignal.any([context.cancellationSignal, running.cancelled]);
        const answer = await callOnce({ call, body, workflowId, now, broken, journal, startedAtMs });
        const endedAtMs = now();
        const { project, id } = identityOf(call, workflowId);
        const durationMs = endedAtMs - startedAtMs;
        const fields = { project, request_id: id, attempt: journal.begun, duration_ms: durationMs };
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
      } finally {
        running.leave();
        heartbeat.stop();
      }
    },
  };
}

const NOTHING_ASKED: Inquiry = { isCancelled: false, startedAtMs: null };

function previousJournal(heartbeatDetails: unknown, earlier: Journal = EMPTY_JOURNAL): Journal {
  return isJournal(heartbeatDetails) ? heartbeatDetails : earlier;
}

/**
 * What the attempts before this one, a cancellation or the clock forbid. The upstream is not called then, and no
 * attempt is counted.
 */
function refuseToBegin(call: UpstreamCall, journal: Journal, isCancelled: boolean, nowMs: number): void {
  const forbidden = refusalToBegin(journal, call.options);
  const error =
    forbidden ?? (isCancelled ? CANCELLED_ERROR : nowMs >= call.deadline_at_ms ? DEADLINE_ERROR : null);
  if (error !== null) throw finalFailure({ error, journal });
}

/** Told of the upstream calls that a worker makes. */
export interface AttemptObserver {
  callBegan(): void;
  /** Once for each call that began, whatever became of it. */
  callEnded(): void;
  attemptEnded(end: Pick<AttemptEnd, 'outcome' | 'error_code' | 'duration_ms'>): void;
}
