import { Context } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import {
  beginAttempt,
  closeGaps,
  EMPTY_JOURNAL,
  endAttempt,
  lastOutcomeUnknown,
  type Journal,
} from '../src/domain/journal.ts';
import { RawJson } from '../src/domain/raw-json.ts';
import { DEADLINE_ERROR, requestError } from '../src/domain/request-error.ts';
import { isExhausted } from '../src/domain/retry-decision.ts';
import { isJournal, type RunActivities, type UpstreamCall } from '../src/domain/run.ts';
import { FailureReason, OnUnknownOutcome } from '../src/domain/words.ts';
import type { Upstream } from '../src/upstream/client.ts';
import { failedEnd, succeededEnd } from './attempt-end.ts';
import { attemptFailure, finalFailure } from './attempt-failure.ts';
import { limitAttempt } from './attempt-limit.ts';
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
      refuseToBegin(call, before, now());

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

/** What the attempts before this one, or the clock, forbid; the upstream is not called then. */
function refuseToBegin(call: UpstreamCall, journal: Journal, nowMs: number): void {
  const refuse = (error: ReturnType<typeof requestError>): ApplicationFailure =>
    finalFailure({ error, journal });
  if (call.options.on_unknown_outcome === OnUnknownOutcome.fail && lastOutcomeUnknown(journal)) {
    throw refuse(requestError('outcome_unknown', FailureReason.outcomeUnknown));
  }
  if (isExhausted(journal, call.options)) {
    throw refuse(requestError('attempt_interrupted', FailureReason.attemptsExhausted));
  }
  if (nowMs >= call.deadline_at_ms) throw refuse(DEADLINE_ERROR);
}
