/** The end of a run's upstream call, read from the newest events of its history. */
import {
  ApplicationFailure,
  CancelledFailure,
  defaultFailureConverter,
  TimeoutFailure,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { beginAttempt, EMPTY_JOURNAL, interruptAttempt, type Journal } from '../../src/domain/journal.ts';
import { RawJson } from '../../src/domain/raw-json.ts';
import { CANCELLED_ERROR, DEADLINE_ERROR, requestError, type RunEnd } from '../../src/domain/run-end.ts';
import { decoderOf } from '../../src/temporal/run-state/decode.ts';
import { type ActivityEnd, readActivityEnd } from '../../src/temporal/run-state/run-history.ts';
import { payloadConverter } from '../../src/temporal/payload-converter.ts';
import { RetryState } from '../../src/temporal/sdk-internals.ts';
import {
  encoded,
  fakeTemporal,
  type HistoryEvent,
  RUN_ID,
  timestamp,
  WORKFLOW_ID,
} from '../support/fake-temporal.ts';
import { refusedAttempts } from '../support/journals.ts';

const ENDED_AT = '2026-11-24T00:00:09.000Z';
const EARLIER = refusedAttempts(1);
const TWICE = refusedAttempts(2);
const ended: RunEnd = { error: requestError('upstream_overloaded', 'terminal'), journal: TWICE };

const scheduled: HistoryEvent = { activityTaskScheduledEventAttributes: { activityId: '1' } };
const started = (attempt: number): HistoryEvent => ({ activityTaskStartedEventAttributes: { attempt } });
const eventTime = timestamp(ENDED_AT);
const completed = (...values: readonly unknown[]): HistoryEvent => ({
  eventTime,
  activityTaskCompletedEventAttributes: { result: encoded(...values) },
});
const canceled = (...details: readonly unknown[]): HistoryEvent => ({
  eventTime,
  activityTaskCanceledEventAttributes: { details: encoded(...details) },
});
const toProto = (failure: Error) => defaultFailureConverter.errorToFailure(failure, payloadConverter);
const failed = (failure: Error, retryState: number | null = null): HistoryEvent => ({
  eventTime,
  activityTaskFailedEventAttributes: { failure: toProto(failure), retryState },
});
const timedOut = (failure: Error, retryState: number | null = null): HistoryEvent => ({
  eventTime,
  activityTaskTimedOutEventAttributes: { failure: toProto(failure), retryState },
});
const recalled = (journal: Journal, markerName = 'core_local_activity'): HistoryEvent => ({
  markerRecordedEventAttributes: { markerName, details: { result: encoded(journal) } },
});
/** What a workflow does between its events. */
const task: HistoryEvent = { workflowTaskCompletedEventAttributes: {} };
const ours = (end: RunEnd): Error => ApplicationFailure.create({ type: 'x', message: 'm', details: [end] });

async function endOf(...events: readonly HistoryEvent[]): Promise<ActivityEnd> {
  const { client, asked } = fakeTemporal({ runs: { [RUN_ID]: [{ events }] } });
  const execution = { workflowId: WORKFLOW_ID, runId: RUN_ID };
  const end = await readActivityEnd(client, decoderOf(client, WORKFLOW_ID), execution, EARLIER);
  expect(asked).toEqual([`last events ${RUN_ID}`]);
  return end;
}

describe('the end of a call, read from history', () => {
  it.each<[string, readonly HistoryEvent[], string]>([
    ['nothing has happened', [], 'not scheduled'],
    ['only the workflow has run', [task, task], 'not scheduled'],
    ['it was scheduled', [task, scheduled], 'open'],
    ['it was begun', [scheduled, started(3)], 'open'],
    ['it was begun again after an end, which was another call’s', [completed('{}'), scheduled], 'open'],
    ['the workflow has recalled its attempts', [scheduled, recalled(TWICE)], 'open'],
  ])('is not there while %s', async (_what, events, kind) => {
    expect(await endOf(...events)).toEqual({ kind });
  });

  it.each([
    ['beside it', TWICE, TWICE],
    ['nowhere, so that those before are left', null, EARLIER],
    ['something else, so that those before are left', { entries: 1 }, EARLIER],
  ])('is a result, byte for byte, with its attempts: %s', async (_what, beside, journal) => {
    const bytes = Buffer.from('{ "seed":9223372036854775807,\n"x":1.0 }');
    const end = await endOf(scheduled, started(1), completed(new RawJson(bytes, beside)), task);
    expect(end).toMatchObject({ kind: 'completed', journal, at: new Date(ENDED_AT) });
    if (end.kind === 'completed') expect(end.result).toEqual(bytes);
  });

  it('is an error of ours where the result is none that we write', async () => {
    await expect(endOf(scheduled, completed({ choices: [] }))).rejects.toThrow('no readable result');
  });

  it.each<[string, readonly unknown[], Journal]>([
    ['its own attempts', [TWICE], TWICE],
    ['attempts behind other details', ['x', TWICE], TWICE],
    ['none, so that those before are left', [], EARLIER],
  ])('is a cancellation with %s', async (_what, details, journal) => {
    const expected = { kind: 'failed', error: CANCELLED_ERROR, journal, at: new Date(ENDED_AT) };
    expect(await endOf(scheduled, canceled(...details))).toEqual(expected);
  });

  it.each([
    ['as the activity says it', ours(ended), null, ended.error, TWICE],
    [
      'as the server says it, where the deadline ended the retries',
      ours(ended),
      RetryState.RETRY_STATE_TIMEOUT,
      DEADLINE_ERROR,
      TWICE,
    ],
    [
      'as the server says it, where it allowed no further attempt',
      ours(ended),
      RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
      { ...ended.error, reason: 'attempts_exhausted' },
      TWICE,
    ],
    [
      'of ours where a failure says nothing',
      ApplicationFailure.create({ message: 'm' }),
      null,
      requestError('internal_error', 'terminal'),
      EARLIER,
    ],
    [
      'of ours where it was cancelled within',
      new CancelledFailure('m', [TWICE]),
      null,
      CANCELLED_ERROR,
      TWICE,
    ],
  ] as const)('is an error %s', async (_what, failure, retryState, error, journal) => {
    const expected = { kind: 'failed', error, journal, at: new Date(ENDED_AT) };
    expect(await endOf(scheduled, started(2), failed(failure, retryState), task)).toEqual(expected);
  });

  it.each<[string, readonly HistoryEvent[], number, number]>([
    ['the attempt that was begun, after those of the last heartbeat', [scheduled, started(3)], 3, 1],
    ['attempts of which nothing was heartbeated', [scheduled, started(5)], 5, 3],
    ['only what was heartbeated, where no attempt was begun since', [scheduled], 2, 0],
  ])('by a timeout counts %s', async (_what, events, begun, unknown) => {
    const end = await endOf(...events, timedOut(new TimeoutFailure('m', TWICE, 'HEARTBEAT')));
    expect(end).toMatchObject({ kind: 'failed', error: DEADLINE_ERROR, journal: { begun, unknown } });
    if (end.kind === 'failed')
      expect(end.journal.entries.every(({ status }) => status !== 'running')).toBe(true);
  });

  it('by the timeout of the last attempt allowed is an interruption, not the deadline', async () => {
    const failure = new TimeoutFailure('m', undefined, 'START_TO_CLOSE');
    const end = timedOut(failure, RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED);
    expect(await endOf(scheduled, started(1), end)).toMatchObject({
      error: { code: 'attempt_interrupted', reason: 'attempts_exhausted' },
    });
  });

  it('of another kind leaves the attempts as they were told, whatever attempt was begun', async () => {
    const end = await endOf(scheduled, started(7), failed(ours(ended)));
    expect(end).toMatchObject({ journal: TWICE });
  });

  it.each<[string, readonly HistoryEvent[], Journal]>([
    ['more attempts', [recalled(refusedAttempts(3))], refusedAttempts(3)],
    ['fewer attempts', [recalled(refusedAttempts(1))], TWICE],
    [
      'as many attempts, which the call itself tells better',
      [recalled(interruptAttempt(beginAttempt(EARLIER, 2, null)))],
      TWICE,
    ],
    [
      'more attempts, twice: the newest counts',
      [recalled(refusedAttempts(4)), recalled(refusedAttempts(3))],
      refusedAttempts(3),
    ],
    ['more, in a marker of another kind', [recalled(refusedAttempts(3), 'Version')], TWICE],
  ])('has what the workflow recalled where that is %s', async (_what, markers, journal) => {
    expect(await endOf(scheduled, ...markers, failed(ours(ended)))).toMatchObject({ journal });
    expect(await endOf(scheduled, ...markers, canceled(TWICE))).toMatchObject({ journal });
  });

  it('is the newest one, because a run that was reset has those of the other before', async () => {
    const before = ours({ ...ended, journal: EMPTY_JOURNAL });
    expect(await endOf(scheduled, failed(before), scheduled, failed(ours(ended)))).toMatchObject({
      journal: TWICE,
    });
  });

  it('has no time where the event has none', async () => {
    const end = await endOf(scheduled, { ...completed(new RawJson(Buffer.from('{}'))), eventTime: null });
    expect(end).toMatchObject({ kind: 'completed', at: null });
  });

  it('is looked for among the last 20 events, for no run has more after its call', async () => {
    const tasks = Array.from({ length: 19 }, () => task);
    expect(await endOf(scheduled, ...tasks)).toEqual({ kind: 'open' });
    expect(await endOf(scheduled, ...tasks, task)).toEqual({ kind: 'not scheduled' });
  });
});
