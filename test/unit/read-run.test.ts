/** The state of a run, read from what Temporal describes and keeps of it; no worker is needed. */
import { ApplicationFailure, defaultFailureConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { beginAttempt, carryOver, EMPTY_JOURNAL, interruptAttempt } from '../../src/domain/journal.ts';
import { RawJson } from '../../src/domain/raw-json.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR, requestError, TERMINATED_ERROR } from '../../src/domain/run-end.ts';
import { payloadConverter } from '../../src/temporal/payload-converter.ts';
import { decoderOf } from '../../src/temporal/run-state/decode.ts';
import { readRun, type RunState } from '../../src/temporal/run-state/read-run.ts';
import { PendingActivityState } from '../../src/temporal/sdk-internals.ts';
import {
  encoded,
  fakeTemporal,
  type FakeRun,
  type HistoryEvent,
  memoOf,
  type PendingActivity,
  RUN_ID,
  timestamp,
  WORKFLOW_ID,
} from '../support/fake-temporal.ts';
import { refusedAttempts } from '../support/journals.ts';

const ENDED_AT = '2026-11-24T00:00:09.000Z';
const CLOSED_AT = '2026-11-24T00:00:10.000Z';
const NEXT_AT = '2026-11-24T00:00:11.000Z';
/** A deadline that counts from here is not over, whenever the tests run. */
const FAR_AHEAD = '2100-01-01T00:00:00.000Z';
const TWICE = refusedAttempts(2);
const UPSTREAM_ERROR = requestError('upstream_overloaded', 'terminal');
const {
  PENDING_ACTIVITY_STATE_SCHEDULED: SCHEDULED,
  PENDING_ACTIVITY_STATE_STARTED: STARTED,
  PENDING_ACTIVITY_STATE_PAUSED: PAUSED,
} = PendingActivityState;

const pending = (state: number, attempt: number, fields: PendingActivity = {}): PendingActivity => ({
  activityType: { name: 'callUpstream' },
  state,
  attempt,
  ...fields,
});
const withHeartbeat: PendingActivity = {
  heartbeatDetails: encoded(TWICE),
  nextAttemptScheduleTime: timestamp(NEXT_AT),
};
const eventTime = timestamp(ENDED_AT);
const scheduled: HistoryEvent = { activityTaskScheduledEventAttributes: { activityId: '1' } };
const completed: HistoryEvent = {
  eventTime,
  activityTaskCompletedEventAttributes: { result: encoded(new RawJson(Buffer.from('{}'), TWICE)) },
};
const failure = ApplicationFailure.create({
  type: 'x',
  message: 'm',
  details: [{ error: UPSTREAM_ERROR, journal: TWICE }],
});
const failed: HistoryEvent = {
  eventTime,
  activityTaskFailedEventAttributes: {
    failure: defaultFailureConverter.errorToFailure(failure, payloadConverter),
  },
};

interface Read {
  readonly state: RunState;
  readonly asked: readonly string[];
}

/** Reads the last run as its caller does: described once already. */
async function read(
  moments: readonly FakeRun[],
  {
    before = {},
    query,
  }: { before?: Record<string, readonly FakeRun[]>; query?: () => Promise<unknown> } = {},
): Promise<Read> {
  const runs = { ...before, [RUN_ID]: moments };
  const { client, asked } = fakeTemporal({ runs, ...(query === undefined ? {} : { query }) });
  const description = await client.workflow.getHandle(WORKFLOW_ID, RUN_ID).describe();
  const { memo = memoOf() } = moments[0] ?? {};
  const state = await readRun(client, decoderOf(client, WORKFLOW_ID), description, memo);
  return { state, asked: asked.slice(1) };
}
const stateOf = async (...moments: readonly FakeRun[]): Promise<RunState> => (await read(moments)).state;

const OPEN = {
  error: null,
  result: null,
  waitingFor: null,
  waitingReason: null,
  nextAttemptAt: null,
  completedAt: null,
};
const RUN_AT = '2026-11-25T00:00:00.000Z';
const delayed = memoOf({ options: { run_at: RUN_AT }, start_delay_ms: 86_400_000 });

describe('a run that goes on', () => {
  it.each<[string, FakeRun, Partial<RunState>]>([
    [
      'queued before its first workflow task',
      { historyLength: 2, workflowTask: true },
      { status: 'queued', waitingFor: 'worker' },
    ],
    [
      'queued during its first workflow task',
      { historyLength: 3, workflowTask: true, memo: delayed },
      { status: 'queued', waitingFor: 'worker' },
    ],
    [
      'queued until its start time, while Temporal delays its start',
      { historyLength: 1, memo: delayed },
      { status: 'queued', waitingFor: 'start_time', nextAttemptAt: new Date(RUN_AT) },
    ],
    [
      'queued until its start time, also if an operator has signalled it',
      { historyLength: 2, memo: delayed },
      { status: 'queued', waitingFor: 'start_time', nextAttemptAt: new Date(RUN_AT) },
    ],
    [
      'queued for a worker once its start time has come',
      { historyLength: 2, memo: delayed, workflowTask: true },
      { status: 'queued', waitingFor: 'worker' },
    ],
    [
      'queued while no attempt has begun',
      { pending: pending(SCHEDULED, 1) },
      { status: 'queued', waitingFor: 'worker' },
    ],
    [
      'queued while an operator has paused its first attempt',
      { pending: pending(PAUSED, 1) },
      { status: 'queued' },
    ],
    ['queued before its call is scheduled', { events: [] }, { status: 'queued', waitingFor: 'worker' }],
    [
      'processing while an attempt runs',
      { startedAt: FAR_AHEAD, pending: pending(STARTED, 3, { heartbeatDetails: encoded(TWICE) }) },
      { status: 'processing', journal: beginAttempt(TWICE, 3, null) },
    ],
    [
      'processing without a further attempt, where that may find that its deadline has passed',
      { pending: pending(STARTED, 3, { heartbeatDetails: encoded(TWICE) }) },
      { status: 'processing', journal: TWICE },
    ],
    [
      'processing without a further attempt, where that may find that the request is cancelled',
      {
        startedAt: FAR_AHEAD,
        cancelRequested: true,
        pending: pending(STARTED, 3, { heartbeatDetails: encoded(TWICE) }),
      },
      { status: 'processing', journal: TWICE },
    ],
    [
      'processing also while the run is paused, for its call goes on',
      { status: 'PAUSED', pending: pending(STARTED, 1) },
      { status: 'processing', journal: beginAttempt(EMPTY_JOURNAL, 1, null) },
    ],
    [
      'retrying between two attempts, with the time of the next',
      { pending: pending(SCHEDULED, 3, withHeartbeat) },
      { status: 'retrying', journal: TWICE, waitingFor: 'retry', nextAttemptAt: new Date(NEXT_AT) },
    ],
    [
      'retrying for a worker once the time of its next attempt has come',
      { pending: pending(SCHEDULED, 3, { heartbeatDetails: encoded(TWICE) }) },
      { status: 'retrying', journal: TWICE, waitingFor: 'worker' },
    ],
    [
      'retrying while an operator has paused its next attempt, which has no time',
      { pending: pending(PAUSED, 3, { heartbeatDetails: encoded(TWICE) }) },
      { status: 'retrying', journal: TWICE },
    ],
  ])('is %s', async (_what, run, expected) => {
    expect(await stateOf(run)).toEqual({ ...OPEN, journal: EMPTY_JOURNAL, ...expected });
  });

  it('is never one over a pending activity that is not the call', async () => {
    const recall = { ...pending(STARTED, 1), activityType: { name: 'recallAttempts' } };
    expect(await stateOf({ pending: recall, events: [] })).toMatchObject({ status: 'queued' });
  });

  it.each<[string, FakeRun, Partial<RunState>]>([
    ['completed', { events: [scheduled, completed] }, { status: 'completed', result: Buffer.from('{}') }],
    ['failed', { events: [scheduled, failed] }, { status: 'failed', error: UPSTREAM_ERROR }],
    [
      'cancelled where that was asked for, whatever the call ended with',
      { events: [scheduled, failed], cancelRequested: true },
      { status: 'cancelled', error: CANCELLED_ERROR },
    ],
    [
      'completed where a cancellation came too late',
      { events: [scheduled, completed], cancelRequested: true },
      { status: 'completed', result: Buffer.from('{}') },
    ],
  ])('has ended with its call, before it closes: %s', async (_what, run, expected) => {
    const ended = { ...OPEN, journal: TWICE, completedAt: new Date(ENDED_AT), ...expected };
    expect(await stateOf(run)).toEqual(ended);
    // The same record once it has closed.
    const status = run.cancelRequested && expected.status === 'cancelled' ? 'CANCELED' : null;
    const closed = status ?? (expected.status === 'completed' ? 'COMPLETED' : 'FAILED');
    expect(await stateOf({ ...run, status: closed, closedAt: CLOSED_AT })).toEqual(ended);
  });
});

describe('a run whose end is kept back by a workflow task', () => {
  const heldBack: FakeRun = { events: [scheduled] };
  const ended: FakeRun = { events: [scheduled, completed] };

  it('is read again as soon as the workflow answers, which it does after its task', async () => {
    const { state, asked } = await read([heldBack, ended], { query: async () => ({}) });
    expect(state.status).toBe('completed');
    expect(asked).toEqual([
      `last events ${RUN_ID}`,
      `query record ${RUN_ID}`,
      `describe ${RUN_ID}`,
      `last events ${RUN_ID}`,
    ]);
  });

  it('is read again, until it is there, also where no worker answers', async () => {
    const query = () => Promise.reject(new Error('no worker'));
    const { state, asked } = await read([heldBack, heldBack, heldBack, ended], { query });
    expect(state.status).toBe('completed');
    expect(asked.filter((what) => what.startsWith('describe'))).toHaveLength(3);
  });

  it('waits for no answer longer than a moment, because a worker may be away', async () => {
    const { state } = await read([heldBack, ended], { query: () => new Promise<never>(() => undefined) });
    expect(state.status).toBe('completed');
  });

  it('is what it has become meanwhile, also where that is no end', async () => {
    const { state } = await read([heldBack, { pending: pending(STARTED, 1) }]);
    expect(state).toMatchObject({ status: 'processing', journal: { begun: 1 } });
  });
});

describe('a run that Temporal has closed', () => {
  const interrupted = interruptAttempt(beginAttempt(EMPTY_JOURNAL, 1, null));

  it.each<[string, FakeRun, Partial<RunState>]>([
    [
      'cancelled before its call was scheduled',
      { status: 'CANCELED', events: [] },
      { status: 'cancelled', error: CANCELLED_ERROR, journal: EMPTY_JOURNAL },
    ],
    [
      'terminated before its call was scheduled',
      { status: 'TERMINATED', events: [] },
      { status: 'failed', error: TERMINATED_ERROR, journal: EMPTY_JOURNAL },
    ],
    [
      'terminated during its call, of which nobody can say how it went',
      { status: 'TERMINATED', events: [scheduled], pending: pending(STARTED, 3, withHeartbeat) },
      { status: 'failed', error: TERMINATED_ERROR, journal: interruptAttempt(beginAttempt(TWICE, 3, null)) },
    ],
    [
      'terminated between two attempts, both of which have ended',
      { status: 'TERMINATED', events: [scheduled], pending: pending(SCHEDULED, 3, withHeartbeat) },
      { status: 'failed', error: TERMINATED_ERROR, journal: TWICE },
    ],
    [
      'terminated over a call that Temporal describes no more, which may have begun',
      { status: 'TERMINATED', events: [scheduled] },
      { status: 'failed', error: TERMINATED_ERROR, journal: interrupted },
    ],
    [
      'terminated after its call had failed',
      { status: 'TERMINATED', events: [scheduled, failed] },
      { status: 'failed', error: TERMINATED_ERROR, journal: TWICE, completedAt: new Date(ENDED_AT) },
    ],
    [
      'timed out',
      { status: 'TIMED_OUT', events: [scheduled] },
      { status: 'failed', error: DEADLINE_ERROR, journal: interrupted },
    ],
    [
      'failed without a call of which an end is known',
      { status: 'FAILED', events: [] },
      { status: 'failed', error: DEADLINE_ERROR, journal: EMPTY_JOURNAL },
    ],
  ])('is %s', async (_what, run, expected) => {
    const closed = { ...run, closedAt: CLOSED_AT };
    expect(await stateOf(closed)).toEqual({ ...OPEN, completedAt: new Date(CLOSED_AT), ...expected });
  });

  it('ended when it closed, where its last event has no time', async () => {
    const events = [scheduled, { ...completed, eventTime: null }];
    const state = await stateOf({ status: 'COMPLETED', closedAt: CLOSED_AT, events });
    expect(state.completedAt).toEqual(new Date(CLOSED_AT));
  });
});

describe('the runs before', () => {
  const earlier = carryOver(refusedAttempts(4));
  const memo = memoOf({ earlier: { run_id: 'run-0', journal: earlier } });

  it('are counted by a retry by hand, which brings them along and asks for none of them', async () => {
    const { state, asked } = await read([{ memo, pending: pending(SCHEDULED, 1) }]);
    expect(state).toEqual({ ...OPEN, status: 'queued', waitingFor: 'worker', journal: earlier });
    expect(asked).toEqual([]);
    expect(await stateOf({ memo, pending: pending(STARTED, 1) })).toMatchObject({ journal: { begun: 5 } });
    expect(await stateOf({ memo, historyLength: 3 })).toMatchObject({ status: 'queued', journal: earlier });
  });

  const reset: HistoryEvent = { workflowTaskFailedEventAttributes: { baseRunId: 'run-0', newRunId: RUN_ID } };
  const afterReset = { firstRunId: 'run-0', pending: pending(SCHEDULED, 1) };

  it('are read of the run that an operator reset', async () => {
    const before = {
      'run-0': [{ status: 'TERMINATED', closedAt: CLOSED_AT, events: [scheduled, failed] }],
    } as const;
    const { state, asked } = await read([{ ...afterReset, events: [scheduled, reset] }], { before });
    expect(state).toEqual({ ...OPEN, status: 'queued', waitingFor: 'worker', journal: carryOver(TWICE) });
    expect(asked).toEqual([`first events ${RUN_ID}`, 'describe run-0', 'last events run-0']);
  });

  it('are what the workflow recalled of them, where that run is gone', async () => {
    const recalled: HistoryEvent = {
      markerRecordedEventAttributes: {
        markerName: 'core_local_activity',
        details: { result: encoded(earlier) },
      },
    };
    const ofTheOther: HistoryEvent = {
      markerRecordedEventAttributes: {
        markerName: 'core_local_activity',
        details: { result: encoded(TWICE) },
      },
    };
    const events = [ofTheOther, reset, recalled];
    expect((await read([{ ...afterReset, events }])).state).toMatchObject({ journal: earlier });
  });

  it('are those of the memo where that run is gone and nothing was recalled', async () => {
    expect(await stateOf({ ...afterReset, memo, events: [reset] })).toMatchObject({ journal: earlier });
  });
});
