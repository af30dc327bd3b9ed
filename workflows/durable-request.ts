import {
  ActivityCancellationType,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  patched,
  proxyActivities,
  proxySinks,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import { completedRun } from '../src/domain/requests.ts';
import { EMPTY_JOURNAL, type Journal, longer } from '../src/domain/journal.ts';
import { STORE_PAUSE, UPSTREAM_CALL_RETRY } from '../src/domain/retry-policy.ts';
import { type RawJson, textOf } from '../src/domain/raw-json.ts';
import {
  ACTIVITY_SLACK_MS,
  callTitle,
  countedOver,
  earlierJournal,
  EVENTS_OF_A_START,
  identityOf,
  isJournal,
  isRunMemo,
  MEMO_KEY,
  type RunActivities,
  type RunInput,
  type RunSinks,
  type UpstreamCall,
} from '../src/domain/run-contract.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR, type RunEnd, toRunEnd } from '../src/domain/run-end.ts';
import { startCancellableCall } from './cancellable-call.ts';
import { completedDetails, endedDetails, openDetails } from './details.ts';
import { recallEarlier } from './recall.ts';
import { answerRecordQuery, completedEnd } from './record-query.ts';

const { runs } = proxySinks<RunSinks>();

/**
 * Patch id, used since 0.2.0. A reset to a later point than the beginning does not recall the earlier
 * journal.
 */
const RESET_PATCH = 'recall-earlier-after-reset';

/**
 * One run of one request. It executes one activity: the upstream call with all its attempts. The run resolves
 * to the upstream's own bytes, fails with a {@link RunEnd} in its details, or is cancelled.
 */
export async function durableRequest(input: RunInput, body: RawJson): Promise<RawJson> {
  // Whether a reset is possible is derived from the history's length. The run's id would show it directly,
  // but it differs when the history is replayed elsewhere.
  const mayBeReset = workflowInfo().historyLength > EVENTS_OF_A_START && patched(RESET_PATCH);
  const { startedAtMs, earlier } = mayBeReset ? await originAfterReset() : originOfStart();
  const deadlineAtMs = startedAtMs + input.options.deadline_seconds * 1000;
  setCurrentDetails(openDetails(input, deadlineAtMs, body.blob));
  const record = answerRecordQuery(input, deadlineAtMs, earlier);
  const call = startCancellableCall(() => callUpstream(input, body, deadlineAtMs, earlier));
  try {
    const result = await call.settled;
    const journal = isJournal(result.beside) ? result.beside : null;
    runs.settled(completedRun(textOf(result), journal));
    record.end(completedEnd(journal));
    const { id } = identityOf(input, workflowInfo().workflowId);
    setCurrentDetails(completedDetails(input, result, id));
    return result;
  } catch (failure) {
    const end = toRunEnd(failure, earlier);
    // After a cancellation was accepted, the run ends as cancelled unless its call has completed.
    if (isCancellation(failure) || CancellationScope.current().consideredCancelled) {
      runs.settled({ kind: 'failed', error: CANCELLED_ERROR });
      const journal = longer(end.journal, call.recalled());
      record.end({ status: 'cancelled', error: CANCELLED_ERROR, journal });
      setCurrentDetails(endedDetails(input, { error: CANCELLED_ERROR, journal }));
      throw isCancellation(failure) ? failure : new CancelledFailure(CANCELLED_ERROR.message);
    }
    runs.settled({ kind: 'failed', error: end.error });
    record.end({ status: 'failed', ...end });
    setCurrentDetails(endedDetails(input, end));
    throw ApplicationFailure.create({
      type: end.error.code,
      message: end.error.message,
      nonRetryable: true,
      details: [end],
    });
  }
}

function callUpstream(
  input: RunInput,
  body: RawJson,
  deadlineAtMs: number,
  earlier: Journal,
): Promise<RawJson> {
  // In a workflow, `Date.now()` is the time of the current workflow task.
  const timeLeftMs = deadlineAtMs - Date.now();
  if (timeLeftMs <= 0) throw ended({ error: DEADLINE_ERROR, journal: earlier });
  const { options } = input;
  const activities = proxyActivities<RunActivities<RawJson>>({
    summary: callTitle(input),
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    heartbeatTimeout: input.heartbeat_timeout_seconds * 1000,
    // The attempt ends its call itself. After that it may still store the answer.
    startToCloseTimeout: options.attempt_timeout_seconds * 1000 + STORE_PAUSE.atLeastMs + ACTIVITY_SLACK_MS,
    scheduleToCloseTimeout: timeLeftMs + ACTIVITY_SLACK_MS,
    retry: {
      ...UPSTREAM_CALL_RETRY,
      // Without `maximumAttempts`, because Temporal also counts attempts that made no call. The activity limits the calls.
      nonRetryableErrorTypes: ['PayloadsTooLarge'],
    },
  });
  return activities.callUpstream(toCall(input, deadlineAtMs, earlier), body);
}

function toCall(input: RunInput, deadlineAtMs: number, earlier: Journal): UpstreamCall {
  const { operation, model, options } = input;
  const call: UpstreamCall = {
    request: identityOf(input, workflowInfo().workflowId),
    operation,
    model,
    deadline_at_ms: deadlineAtMs,
    options,
    ...(input.stream === true ? { stream: true } : {}),
  };
  if (earlier.begun === 0) return call;
  return { ...call, options: countedOver(options, earlier), earlier };
}

interface Origin {
  /** When the deadline starts to count, Unix ms. */
  readonly startedAtMs: number;
  /** The journal of the runs before this one. */
  readonly earlier: Journal;
}

/**
 * Origin of a run that was not reset. A first run has an empty journal; a retry by hand carries its journal
 * in the memo.
 */
function originOfStart(): Origin {
  const { startTime, memo: memos } = workflowInfo();
  const memo = memos?.[MEMO_KEY];
  if (!isRunMemo(memo)) return { startedAtMs: startTime.getTime(), earlier: EMPTY_JOURNAL };
  // `startTime` is the time of the start call, also if Temporal has delayed the start.
  const startedAtMs = startTime.getTime() + (memo.start_delay_ms ?? 0);
  return { startedAtMs, earlier: earlierJournal(memo) };
}

/**
 * Origin of a run that may have been reset. The journal of the earlier runs is then read from Temporal. A run
 * that is cancelled before that makes no call and needs no journal. It must still report its end to the callers
 * that wait for it, so the cancellation is not thrown here.
 */
async function originAfterReset(): Promise<Origin> {
  const earlier = await recallEarlier().catch((failure: unknown) => {
    if (isCancellation(failure)) return null;
    throw failure;
  });
  return earlier === null ? originOfStart() : { startedAtMs: Date.now(), earlier };
}

function ended(end: RunEnd): ApplicationFailure {
  return ApplicationFailure.create({ type: end.error.code, message: end.error.message, details: [end] });
}
