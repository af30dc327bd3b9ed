import { Context } from '@temporalio/activity';
import { beginAttempt, closeGaps, EMPTY_JOURNAL, type Journal, waitForTurn } from '../src/domain/journal.ts';
import { type RawJson, sizeOf, textOf } from '../src/domain/raw-json.ts';
import { refusalToBegin } from '../src/domain/retry-policy.ts';
import {
  identityOf,
  asksFirst,
  isJournal,
  type RunActivities,
  type UpstreamCall,
} from '../src/domain/run-contract.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR } from '../src/domain/run-end.ts';
import type { ProjectUpstreams, RequestUpstream } from '../src/upstream/by-project.ts';
import { Cancellation, finalFailure, toCancellation } from './attempt-failure.ts';
import { type EndDependencies, resultOf } from './end-attempt.ts';
import { type AttemptStream, streamAttempt } from './stream-attempt.ts';
import type { StreamPublisher } from '../src/domain/streams/channel.ts';
import { heartbeatWhileRunning, limitAttempt } from './heartbeat.ts';
import type { RunningCalls } from './running-calls.ts';
import { FIRST_OPERATION } from '../src/domain/operations.ts';
import type { LaneOutcome } from '../src/domain/lane.ts';
import type { Lanes } from '../src/lanes/lanes.ts';
import {
  NOT_CONFIRMED,
  SentBack,
  SUPERSEDED,
  type TakenTurn,
  takeTurn,
  toLaneOutcome,
  WORKER_STOPS,
} from './take-turn.ts';
import type { CallBody } from '../src/upstream/call-body.ts';
import type { UpstreamAnswer } from '../src/upstream/client.ts';
import { openBody, READS_BODY, recoverResult } from './large-texts.ts';

/** Temporal's answer about a running attempt. */
export interface Inquiry {
  /** Temporal has accepted a cancellation of the request. */
  readonly isCancelled: boolean;
  /** When the attempt began by Temporal's clock, Unix ms. Null = Temporal did not answer. */
  readonly startedAtMs: number | null;
  /** Temporal has given up on the attempt, and another one has begun or will. */
  readonly isSuperseded: boolean;
}

/** Dependencies of the activities. Clock and randomness are injected for tests. */
export interface ActivityDependencies extends EndDependencies {
  readonly upstreams: Pick<ProjectUpstreams, 'find'>;
  readonly lanes: Lanes;
  readonly streams: StreamPublisher;
  /** Unix ms. */
  readonly now: () => number;
  readonly runningCalls: RunningCalls;
  /** Asks Temporal about the running attempt. Limited in time; never rejects. */
  readonly inquire: () => Promise<Inquiry>;
  /** Writes the journal of the running attempt to Temporal. Resolves when Temporal has it on disk. */
  readonly record: (journal: Journal) => Promise<void>;
}

/** An attempt whose call may be made. */
interface Attempt {
  readonly call: UpstreamCall;
  readonly body: CallBody;
  readonly workflowId: string;
  readonly upstream: RequestUpstream;
  /** Aborted when a cancellation of the request is known, or when the attempt must end with its worker. */
  readonly broken: AbortSignal;
  /** The journal with this attempt begun. */
  readonly journal: Journal;
  readonly startedAtMs: number;
  /** Null = the answer comes as a whole. */
  readonly stream: AttemptStream | null;
}

/** Creates the activity that makes one attempt of the upstream call. Only Temporal retries it. */
export function createActivities(dependencies: ActivityDependencies): RunActivities<RawJson> {
  const { upstreams, texts, lanes, streams, runningCalls, observer } = dependencies;

  async function callOnce(attempt: Attempt): Promise<UpstreamAnswer> {
    const { call, body, workflowId, upstream, broken, journal, startedAtMs, stream } = attempt;
    const limit = limitAttempt(call, startedAtMs, broken);
    observer?.callBegan();
    return upstream
      .complete({
        operation: call.operation ?? FIRST_OPERATION,
        body,
        clientRequestId: `${workflowId}/${journal.begun}`,
        signal: limit.signal,
        stream: stream?.call ?? null,
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
      const request = identityOf(call, workflowId);
      const found = closeGaps(previousJournal(heartbeatDetails, call.earlier), attempt);
      // Start the heartbeat before anything slow, because the heartbeat timeout may be as short as 1 s.
      const heartbeat = heartbeatWhileRunning(context, found, dependencies.record);
      // From here on a cancellation reaches this attempt, even while it waits or asks Temporal.
      const running = runningCalls.enter(workflowId);
      const broken = AbortSignal.any([context.cancellationSignal, running.cancelled]);
      const cancellation = (): Cancellation | null =>
        toCancellation(context.cancellationSignal, running.cancelled);
      /** No call is made before Temporal has the journal. */
      const confirmed = async (writing: Promise<void>, before: Journal): Promise<void> =>
        writing.catch(() => {
          throw new SentBack(before, attempt, NOT_CONFIRMED);
        });
      let turn: TakenTurn | null = null;
      let outcome: LaneOutcome = { kind: 'other' };
      try {
        const begunMs = dependencies.now();
        const asks = asksFirst(attempt, Math.abs(begunMs - scheduledTimestampMs));
        const told = asks ? await dependencies.inquire() : NOTHING_ASKED;
        // Correct the clock, because the deadline is measured by Temporal's clock.
        const aheadMs = begunMs - (told.startedAtMs ?? begunMs);
        const now = (): number => dependencies.now() - aheadMs;
        // A worker that was starved of CPU may begin a task long after Temporal has timed it out.
        if (told.isSuperseded) throw new SentBack(found, attempt, SUPERSEDED);
        const recovered = await recoverResult(texts, { workflowId, journal: found, attempt }, broken);
        if (recovered.kind === 'stored') return recovered.result;
        const before = recovered.journal;
        if (recovered.kind === 'lost') await confirmed(heartbeat.record(before), found);
        refuseToBegin(call, before, told.isCancelled || running.cancelled.aborted, now());
        const upstream = await upstreams.find(request);
        turn = await takeTurn(lanes, {
          call,
          request,
          workflowId,
          lane: upstream.lane(call.model ?? ''),
          bytes: sizeOf(textOf(body)),
          journal: before,
          attempt,
          sinceMs: scheduledTimestampMs,
          timeLeftMs: call.deadline_at_ms - now(),
          signal: broken,
          record: heartbeat.record,
        });
        const stopIfBroken = (): void => {
          const stopped = cancellation();
          if (stopped === Cancellation.interrupted) throw new SentBack(before, attempt, WORKER_STOPS);
          refuseToBegin(call, before, stopped !== null, now());
        };
        stopIfBroken();
        // Reading a large body takes time. If the worker dies meanwhile, no outcome is unknown.
        const isLarge = body.blob !== null;
        if (isLarge) await confirmed(heartbeat.record(waitForTurn(before, attempt, READS_BODY)), before);
        const isStreaming = call.stream === true || upstream.streams;
        const waiting = { workflowId, journal: before, attempt };
        const sent = await openBody(texts, body, waiting, { signal: broken, inMemory: isStreaming }).finally(
          stopIfBroken,
        );
        const startedAtMs = now();
        const journal = beginAttempt(before, attempt, new Date(startedAtMs).toISOString());
        // An attempt that asks Temporal first must report its start, because after a cancellation or the
        // deadline, readers of the record count such an attempt only if it has reported its start.
        const report = turn.isRecorded || isLarge ? 'confirmed' : asks ? 'queued' : 'later';
        await confirmed(heartbeat.begin(journal, report), before);

        const { operation = FIRST_OPERATION, options } = call;
        const stream = isStreaming
          ? streamAttempt(streams, { workflowId, operation, attempt: journal.begun, options })
          : null;
        const made = { call, body: sent, workflowId, upstream, broken, journal, startedAtMs, stream };
        const answer = await callOnce(made);
        outcome = toLaneOutcome(answer);
        // Storing a large answer takes time, and the lane is free.
        turn.end(outcome);
        turn = null;
        return await resultOf(dependencies, {
          ...made,
          answer,
          endedAtMs: now(),
          cancellation,
          record: heartbeat.confirm,
          heartbeat: (after) => context.heartbeat(after),
        });
      } catch (error) {
        if (!(error instanceof SentBack)) throw error;
        context.heartbeat(error.journal);
        throw error.toFailure();
      } finally {
        turn?.end(outcome);
        running.leave();
        heartbeat.stop();
      }
    },
  };
}

const NOTHING_ASKED: Inquiry = { isCancelled: false, startedAtMs: null, isSuperseded: false };

function previousJournal(heartbeatDetails: unknown, earlier: Journal = EMPTY_JOURNAL): Journal {
  return isJournal(heartbeatDetails) ? heartbeatDetails : earlier;
}

/**
 * Throws if earlier attempts, a cancellation or the deadline forbid the call. The upstream is then not
 * called, and no attempt is counted.
 */
function refuseToBegin(call: UpstreamCall, journal: Journal, isCancelled: boolean, nowMs: number): void {
  const forbidden = refusalToBegin(journal, call.options);
  const error =
    forbidden ?? (isCancelled ? CANCELLED_ERROR : nowMs >= call.deadline_at_ms ? DEADLINE_ERROR : null);
  if (error !== null) throw finalFailure({ error, journal });
}
