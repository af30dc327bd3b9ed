/** The record, put together from a description, a memo and the state of the run. */
import { describe, expect, it } from 'vitest';
import { beginAttempt, EMPTY_JOURNAL, interruptAttempt } from '../../src/domain/journal.ts';
import { RequestRecord } from '../../src/domain/record.ts';
import type { StoredRequest } from '../../src/domain/requests.ts';
import { requestError } from '../../src/domain/run-end.ts';
import type { RunMemo } from '../../src/domain/run-contract.ts';
import { RequestStatus } from '../../src/domain/vocabulary.ts';
import type { RunState } from '../../src/temporal/run-state/read-run.ts';
import { type RecordSettings, toRecord } from '../../src/temporal/run-state/to-record.ts';
import { fakeTemporal, type FakeRun, memoOf, RUN_ID, WORKFLOW_ID } from '../support/fake-temporal.ts';
import { refusedAttempts } from '../support/journals.ts';

const HOUR_MS = 3_600_000;
const SETTINGS: RecordSettings = {
  namespace: 'default',
  uiUrl: 'http://127.0.0.1:8233',
  retentionMs: 24 * HOUR_MS,
};
const QUEUED: RunState = {
  status: 'queued',
  journal: EMPTY_JOURNAL,
  error: null,
  result: null,
  waitingFor: null,
  waitingReason: null,
  nextAttemptAt: null,
  completedAt: null,
};
const at = (seconds: number): string => new Date(Date.UTC(2026, 10, 24) + seconds * 1000).toISOString();
const ended = (seconds: number): Partial<RunState> => ({
  status: 'completed',
  completedAt: new Date(at(seconds)),
});

interface Parts {
  readonly run?: FakeRun;
  readonly memo?: RunMemo;
  readonly state?: Partial<RunState>;
  readonly settings?: Partial<RecordSettings>;
}

async function storedOf({ run = {}, memo = memoOf(), state, settings }: Parts): Promise<StoredRequest> {
  const { client } = fakeTemporal({ runs: { [RUN_ID]: [{ ...run, memo }] } });
  const description = await client.workflow.getHandle(WORKFLOW_ID, RUN_ID).describe();
  return toRecord('its-id', description, memo, { ...QUEUED, ...state }, { ...SETTINGS, ...settings });
}
const recordOf = async (parts: Parts = {}): Promise<StoredRequest['record']> =>
  (await storedOf(parts)).record;

describe('a record', () => {
  it('of a request that was just accepted says all that is known of it', async () => {
    const memo = memoOf({ options: { max_attempts: 7, deadline_seconds: 60 } });
    const state: Partial<RunState> = { waitingFor: 'start_time', nextAttemptAt: new Date(at(30)) };
    expect(await recordOf({ memo, state })).toEqual({
      id: 'its-id',
      object: 'request',
      status: 'queued',
      terminal: false,
      cancel_requested: false,
      operation: 'chat.completions',
      model: 'm',
      run: 1,
      previous_run_id: null,
      attempts: 0,
      max_attempts: 7,
      waiting_for: 'start_time',
      waiting_reason: null,
      options: memo.options,
      created_at: at(0),
      updated_at: at(0),
      completed_at: null,
      deadline_at: at(60),
      next_attempt_at: at(30),
      expires_at: null,
      last_error_code: null,
      error: null,
      unknown_attempts: 0,
      possible_duplicate: false,
      usage: null,
      upstream_response_id: null,
      attempt_log: [],
      temporal: {
        namespace: 'default',
        workflow_id: WORKFLOW_ID,
        run_id: RUN_ID,
        url: `http://127.0.0.1:8233/namespaces/default/workflows/${WORKFLOW_ID}/${RUN_ID}/history`,
      },
    });
  });

  it('of a completed request has the facts of its answer, which the journal carries', async () => {
    const answer = { usage: { total_tokens: 3 }, upstream_response_id: 'resp_1' };
    const journal = { ...refusedAttempts(1), answer };
    const completed = { status: RequestStatus.completed, journal, result: Buffer.from('{}') };
    expect(await recordOf({ state: completed })).toMatchObject(answer);
    const none = { usage: null, upstream_response_id: null };
    expect(
      await recordOf({ state: { ...completed, status: RequestStatus.queued, result: null } }),
    ).toMatchObject(none);
  });

  it.each(Object.values(RequestStatus))('that is %s fits its published schema', async (status) => {
    const journal = beginAttempt(refusedAttempts(2), 3, at(1));
    const record = await recordOf({ state: { status, journal, nextAttemptAt: new Date(at(2)) } });
    expect(RequestRecord.safeParse({ ...record, result: null }).error).toBe(undefined);
  });

  it.each([
    ['queued', false],
    ['processing', false],
    ['retrying', false],
    ['completed', true],
    ['failed', true],
    ['cancelled', true],
  ] as const)('that is %s is terminal: %s', async (status, terminal) => {
    expect(await recordOf({ state: { status } })).toMatchObject({ status, terminal });
  });

  it('passes error, next attempt and result on as they are', async () => {
    const result = Buffer.from('{ "a":1.0 }');
    const error = requestError('upstream_overloaded', 'terminal');
    const stored = await storedOf({ state: { error, result, nextAttemptAt: new Date(at(5)) } });
    expect(stored.result).toBe(result);
    expect(stored.record).toMatchObject({ error, next_attempt_at: at(5) });
  });

  it('says that a cancellation was accepted, while the run goes on', async () => {
    expect(await recordOf({ run: { cancelRequested: true } })).toMatchObject({
      status: 'queued',
      cancel_requested: true,
    });
  });

  it('counts its deadline from the start of its run by Temporal, not from the acceptance', async () => {
    const memo = memoOf({ options: { deadline_seconds: 60 } });
    expect(await recordOf({ memo, run: { startedAt: at(100) } })).toMatchObject({
      created_at: at(0),
      deadline_at: at(160),
    });
  });

  it('counts its deadline from the end of a start delay, which a reset run has none of', async () => {
    const memo = memoOf({ options: { deadline_seconds: 60, run_at: at(30) }, start_delay_ms: 29_990 });
    expect(await recordOf({ memo, run: { startedAt: at(0.01) } })).toMatchObject({
      deadline_at: at(90),
      options: { run_at: at(30) },
    });
    const reset = { startedAt: at(100), firstRunId: 'run-0' };
    expect(await recordOf({ memo, run: reset })).toMatchObject({ deadline_at: at(160) });
  });

  it('of a run of 0.1.0 shows the options that came later as they are without a choice', async () => {
    const { run_at: _later, ...options } = memoOf().options;
    const memo = { ...memoOf(), options } as RunMemo;
    expect((await recordOf({ memo })).options).toEqual({ ...options, run_at: null });
  });

  it('of a retry by hand keeps the acceptance, and names the run before', async () => {
    const memo = memoOf({ earlier: { run_id: 'run-0', journal: EMPTY_JOURNAL } });
    expect(await recordOf({ memo, run: { startedAt: at(100) } })).toMatchObject({
      run: 2,
      previous_run_id: 'run-0',
      created_at: at(0),
      updated_at: at(100),
    });
  });
});

describe('the last change of a record', () => {
  const once = refusedAttempts(1);

  it.each<[string, Parts, string]>([
    ['its acceptance at first, whenever Temporal started it', { run: { startedAt: at(3) } }, at(0)],
    ['the beginning of an attempt', { state: { journal: beginAttempt(EMPTY_JOURNAL, 1, at(4)) } }, at(4)],
    [
      'the end of the last attempt',
      { state: { journal: interruptAttempt(beginAttempt(once, 2, at(4))) } },
      at(4),
    ],
    ['its own end', { state: { ...ended(9), journal: beginAttempt(once, 2, at(4)) } }, at(9)],
    [
      'the latest of all, in whatever order they stand',
      { state: { ...ended(2), journal: beginAttempt(once, 2, at(4)) } },
      at(4),
    ],
    ['not a time that nobody knows', { state: { journal: beginAttempt(once, 2, null) } }, at(0)],
  ])('is %s', async (_what, parts, updated) => {
    expect((await recordOf(parts)).updated_at).toBe(updated);
  });
});

describe('the time for which a record is kept', () => {
  it.each<[string, number | null, number | undefined, number | null]>([
    ['the namespace’s', 24 * HOUR_MS, undefined, 24],
    ['the namespace’s, where that became shorter', HOUR_MS, 24 * HOUR_MS, 1],
    ['the one at its start, where that was shorter', 24 * HOUR_MS, HOUR_MS, 1],
    ['unknown where the namespace’s cannot be read now', null, HOUR_MS, null],
  ])('is %s', async (_what, retentionMs, retention_ms, hours) => {
    const memo = memoOf(retention_ms === undefined ? {} : { retention_ms });
    const record = await recordOf({ memo, state: ended(0), settings: { retentionMs } });
    expect(record.expires_at).toBe(hours === null ? null : at(hours * 3_600));
  });

  it('begins with its end: before, it does not run out', async () => {
    expect(await recordOf()).toMatchObject({ completed_at: null, expires_at: null });
    expect(await recordOf({ state: ended(10) })).toMatchObject({
      completed_at: at(10),
      expires_at: at(10 + 24 * 3_600),
    });
  });
});

describe('the attempts of a record', () => {
  it('are all that began, with what is known of each, and not the number that Temporal gave it', async () => {
    const journal = beginAttempt(interruptAttempt(beginAttempt(refusedAttempts(1), 2, at(1))), 3, at(2));
    const record = await recordOf({ state: { status: 'processing', journal } });
    expect(record).toMatchObject({
      attempts: 3,
      unknown_attempts: 1,
      possible_duplicate: true,
      last_error_code: 'attempt_interrupted',
    });
    expect(record.attempt_log.map(({ number, status }) => [number, status])).toEqual([
      [1, 'failed'],
      [2, 'interrupted'],
      [3, 'running'],
    ]);
    expect(Object.keys(record.attempt_log[0] ?? {})).toEqual([
      'number',
      'status',
      'outcome',
      'billed',
      'phase',
      'started_at',
      'finished_at',
      'duration_ms',
      'upstream_status',
      'upstream_request_id',
      'error_code',
      'retry_after_ms',
    ]);
  });

  it('are counted in full, also where the log keeps the first and the last of them', async () => {
    const record = await recordOf({ state: { journal: refusedAttempts(150) } });
    expect([record.attempts, record.attempt_log.length]).toEqual([150, 100]);
  });
});
