import {
  ActivityCancellationType,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  proxySinks,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { RawJson } from '../src/domain/raw-json.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR } from '../src/domain/request-error.ts';
import { EMPTY_JOURNAL } from '../src/domain/journal.ts';
import { toRunEnd, type RunEnd } from '../src/domain/run-end.ts';
import { ACTIVITY_SLACK_MS, type RunActivities, type RunInput, type RunSinks } from '../src/domain/run.ts';
import { completedDetails, endedDetails, openDetails } from './details.ts';

const { runs } = proxySinks<RunSinks>();

/**
 * One run of one request: one activity, which is the upstream call with all its attempts. It resolves to the
 * upstream's own bytes, fails with a {@link RunEnd} in its details, or is cancelled.
 */
export async function durableRequest(input: RunInput, body: RawJson): Promise<RawJson> {
  const deadlineAtMs = workflowInfo().startTime.getTime() + input.options.deadline_seconds * 1000;
  setCurrentDetails(openDetails(input, deadlineAtMs));
  try {
    const result = await callUpstream(input, body, deadlineAtMs);
    runs.settled({ kind: 'completed', result: result.bytes });
    setCurrentDetails(completedDetails(input, result.beside));
    return result;
  } catch (failure) {
    // Once a cancellation was asked for, every end but a completed call reads as cancelled.
    if (isCancellation(failure) || CancellationScope.current().consideredCancelled) {
      runs.settled({ kind: 'failed', error: CANCELLED_ERROR });
      throw isCancellation(failure) ? failure : new CancelledFailure(CANCELLED_ERROR.message);
    }
    const end = toRunEnd(failure);
    runs.settled({ kind: 'failed', error: end.error });
    setCurrentDetails(endedDetails(input, end));
    throw ApplicationFailure.create({
      type: end.error.code,
      message: end.error.message,
      nonRetryable: true,
      details: [end],
    });
  }
}

async function callUpstream(input: RunInput, body: RawJson, deadlineAtMs: number): Promise<RawJson> {
  // In a workflow, the clock is the time of the current workflow task.
  const timeLeftMs = deadlineAtMs - Date.now();
  if (timeLeftMs <= 0) throw ended({ error: DEADLINE_ERROR, journal: EMPTY_JOURNAL });
  const { options } = input;
  const activities = proxyActivities<RunActivities<RawJson>>({
    summary: `${input.operation} · ${input.model}`,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    heartbeatTimeout: input.heartbeat_timeout_seconds * 1000,
    startToCloseTimeout: options.attempt_timeout_seconds * 1000 + ACTIVITY_SLACK_MS,
    scheduleToCloseTimeout: timeLeftMs + ACTIVITY_SLACK_MS,
    retry: {
      initialInterval: '1 second',
      backoffCoefficient: 2,
      maximumInterval: '60 seconds',
      nonRetryableErrorTypes: ['PayloadsTooLarge'],
      ...(options.max_attempts === null ? {} : { maximumAttempts: options.max_attempts }),
    },
  });
  return activities.callUpstream(
    { request_id: workflowInfo().workflowId, deadline_at_ms: deadlineAtMs, options },
    body,
  );
}

function ended(end: RunEnd): ApplicationFailure {
  return ApplicationFailure.create({ type: end.error.code, message: end.error.message, details: [end] });
}
