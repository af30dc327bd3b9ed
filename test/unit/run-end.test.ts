import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  type RetryState,
  TimeoutFailure,
  TimeoutType,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { beginAttempt, EMPTY_JOURNAL, interruptAttempt } from '../../src/domain/journal.ts';
import { requestError, type RunEnd, toRunEnd } from '../../src/domain/run-end.ts';

const journal = interruptAttempt(beginAttempt(EMPTY_JOURNAL, 1, '2026-11-24T00:00:00.000Z'));
const otherwise = interruptAttempt(beginAttempt(journal, 2, null));
const end: RunEnd = { error: requestError('upstream_overloaded', 'terminal'), journal };

function ofActivity(cause: Error, retryState: RetryState = 'NON_RETRYABLE_FAILURE'): ActivityFailure {
  return new ActivityFailure('Activity task failed', 'callUpstream', '1', retryState, 'worker', cause);
}

const application = (details: unknown[], type = 'x'): ApplicationFailure =>
  ApplicationFailure.create({ type, message: 'm', details });
const timeout = (type: TimeoutType, details?: unknown): TimeoutFailure =>
  new TimeoutFailure('m', details, type);

describe('the end of a run, read from the failure of its activity', () => {
  it("is the activity's own word where it could give it", () => {
    expect(toRunEnd(ofActivity(application([end])), otherwise)).toEqual(end);
  });

  it.each<[string, ActivityFailure, string, string]>([
    [
      'retries ended by the deadline',
      ofActivity(application([end]), 'TIMEOUT'),
      'deadline_exceeded',
      'deadline_exceeded',
    ],
    [
      'retries ended by their number',
      ofActivity(application([end]), 'MAXIMUM_ATTEMPTS_REACHED'),
      'upstream_overloaded',
      'attempts_exhausted',
    ],
    [
      'the whole time over',
      ofActivity(timeout(TimeoutType.SCHEDULE_TO_CLOSE, journal), 'TIMEOUT'),
      'deadline_exceeded',
      'deadline_exceeded',
    ],
    [
      'the last worker dead',
      ofActivity(timeout(TimeoutType.HEARTBEAT, journal), 'MAXIMUM_ATTEMPTS_REACHED'),
      'attempt_interrupted',
      'attempts_exhausted',
    ],
    [
      'an answer too large for Temporal',
      ofActivity(application([], 'PayloadsTooLarge')),
      'upstream_response_too_large',
      'terminal',
    ],
    ['a fault of ours', ofActivity(application([])), 'internal_error', 'terminal'],
    ['a cancellation', ofActivity(new CancelledFailure('m', [journal])), 'request_cancelled', 'cancelled'],
  ])('after %s', (_what, failure, code, reason) => {
    expect(toRunEnd(failure, otherwise).error).toMatchObject({ code, reason });
  });

  it('has the journal that travelled with the failure, else what was known without it', () => {
    expect(toRunEnd(ofActivity(new CancelledFailure('m', [journal])), otherwise).journal).toEqual(journal);
    // What Temporal says of an activity that is cancelled between two attempts.
    expect(
      toRunEnd(ofActivity(new CancelledFailure('m', ['ACTIVITY_ID_NOT_STARTED'])), otherwise).journal,
    ).toBe(otherwise);
    expect(toRunEnd(ofActivity(timeout(TimeoutType.HEARTBEAT)), otherwise).journal).toEqual(otherwise);
    expect(toRunEnd(new Error('of nobody'), otherwise).journal).toBe(otherwise);
  });

  it('takes an attempt that still ran at a timeout for unknown', () => {
    const running = beginAttempt(EMPTY_JOURNAL, 1, null);
    expect(toRunEnd(ofActivity(timeout(TimeoutType.HEARTBEAT, running)), otherwise).journal).toMatchObject({
      begun: 1,
      unknown: 1,
    });
  });
});
