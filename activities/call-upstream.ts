import { Context } from '@temporalio/activity';
import {
  beginAttempt,
  closeGaps,
  EMPTY_JOURNAL,
  endAttempt,
  skipAttempt,
  type Journal,
} from '../src/domain/journal.ts';
import { RawJson } from '../src/domain/raw-json.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR } from '../src/domain/request-error.ts';
import { refusalToBegin } from '../src/domain/retry-decision.ts';
import { isJournal, type RunActivities, type UpstreamCall } from '../src/domain/run.ts';
import type { Upstream } from '../src/upstream/client.ts';
import { failedEnd, succeededEnd } from './attempt-end.ts';
import { attemptFailure, finalFailure } from './attempt-failure.ts';
import { limitAttempt } from './attempt-limit.ts';
import { isCancelRequested } from './cancel-requested.ts';
import { toCancellation } from './cancellation.ts';
import { heartbeatWhileRunning } from './heartbeat.ts';
import type { RunningCalls } from './running-calls.ts';

/** What the activities need; clock and randomness come in for tests. */
export interface ActivityDependencies {
  readonly upstream: Upstream;
  /** Unix ms. */
  readonly now: () => number;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly runningCalls: RunningCalls;
  readonly log: { info(fields: object, message: string): void };
}

/** A first attempt that waited longer may have been cancelled while no worker could run the workflow. */
const UNATTENDED_MS = 1_000;

/** One attempt of the upstream call. Temporal repeats it; nothing else does. */
export function createCallUpstream(
  dependencies: ActivityDependencies,
): Pick<RunActivities<RawJson>, 'callUpstream'> {
  const { upstream, now, random, runningCalls, log } = dependencies;

  return {
    async callUpstream(call: UpstreamCall, body: RawJson): Promise<RawJson> {
      const context = Context.current();
      const { attempt } = context.info;
      const before = closeGaps(previousJournal(context.info.heartbeatDetails, call.earlier), attempt);
      const waitedMs = now() - context.info.scheduledTimestampMs;
      await refuseToBegin(call, before, { attempt, waitedMs }, now);

      const startedAtMs = now();
      const journal = beginAttempt(before, attempt, new Date(startedAtMs).toISOString());
      const number = journal.begun;
      const running = runningCalls.enter(call.request_id);
      const broken = AbortSignal.any([context.cancellationSignal, running.cancelled]);
      const limit = limitAttempt(call, startedAtMs, broken);
      const heartbeat = heartbeatWhileRunning(context, journal);
      const answer = await upstream
        .complete({ body: body.bytes, requestId: call.request_id, attempt: number, signal: limit.signal })
        .finally(() => {
          limit.clear();
          heartbeat.stop();
          running.leave();
        });

      const endedAtMs = now();
      const fields = { request_id: call.request_id, attempt: number, duration_ms: endedAtMs - startedAtMs };
      if (answer.kind === 'completed') {
        log.info(fields, 'attempt succeeded');
        return new RawJson(answer.bytes, endAttempt(journal, succeededEnd(answer, startedAtMs, endedAtMs)));
      }
      const cancellation = toCancellation(context.cancellationSignal, running.cancelled);
      const end = failedEnd(answer.failure, cancellation, startedAtMs, endedAtMs);
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
    },
  };
}

function previousJournal(heartbeatDetails: unknown, earlier: Journal = EMPTY_JOURNAL): Journal {
  return isJournal(heartbeatDetails) ? heartbeatDetails : earlier;
}

/** What the attempts before this one, a cancellation or the clock forbid; the upstream is not called then. */
async function refuseToBegin(
  call: UpstreamCall,
  journal: Journal,
  { attempt, waitedMs }: { readonly attempt: number; readonly waitedMs: number },
  now: () => number,
): Promise<void> {
  const refusal = refusalToBegin(journal, call.options);
  if (refusal !== null) throw finalFailure({ error: refusal, journal });
  const skipped = (why: 'request_cancelled' | 'deadline_exceeded'): Journal =>
    skipAttempt(journal, attempt, new Date(now()).toISOString(), why);
  const mayBeCancelled = attempt > 1 || waitedMs > UNATTENDED_MS;
  if (mayBeCancelled && (await isCancelRequested())) {
    throw finalFailure({ error: CANCELLED_ERROR, journal: skipped('request_cancelled') });
  }
  if (now() >= call.deadline_at_ms) {
    throw finalFailure({ error: DEADLINE_ERROR, journal: skipped('deadline_exceeded') });
  }
}
