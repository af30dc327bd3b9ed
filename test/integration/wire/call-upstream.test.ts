/** One attempt at a time, in Temporal's own activity environment, with the real client and a scripted server. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createActivities,
  createRunningCalls,
  type ActivityDependencies,
  type Inquiry,
} from '../../../activities/index.ts';
import { EMPTY_JOURNAL, type AttemptEnd, type Journal, waitForTurn } from '../../../src/domain/journal.ts';
import { RequestOptions } from '../../../src/domain/options.ts';
import { RawJson } from '../../../src/domain/raw-json.ts';
import { isRunEnd, type RunEnd } from '../../../src/domain/run-end.ts';
import { isJournal } from '../../../src/domain/run-contract.ts';
import { createLanes, createSystemClock } from '../../../src/lanes/lanes.ts';
import { createCeiling } from '../../../src/lanes/paced-meters.ts';
import { entrant } from '../../support/manual-clock.ts';
import { createStreamHub } from '../../../src/streams/hub.ts';
import { createUpstream } from '../../../src/upstream/client.ts';
import { unique } from '../../support/api.ts';
import { ok, startScriptedUpstream } from '../../support/scripted-upstream.ts';

const server = await startScriptedUpstream();
const upstream = createUpstream({ baseURL: server.baseURL, apiKey: 'k', maxResponseBytes: 1_000_000 });
/** Every call is for this upstream, and each model has a lane of its own. */
const upstreamsOf = (complete = upstream.complete): ActivityDependencies['upstreams'] => ({
  find: async () => ({ lane: (model) => ({ account: 'a', model, weight: 1 }), streams: false, complete }),
});
afterAll(async () => {
  await upstream.close();
  await server.close();
});

interface Attempt {
  readonly model: string;
  /** Temporal's number. */
  readonly attempt?: number;
  readonly heartbeatDetails?: unknown;
  readonly options?: object;
  readonly earlier?: Journal;
  readonly deadlineInMs?: number;
  readonly scheduledAgoMs?: number;
  readonly dependencies?: Partial<ActivityDependencies>;
  readonly ofFirstVersion?: boolean;
  /** What Temporal does once the call has arrived upstream. */
  readonly during?: (temporal: MockActivityEnvironment) => void;
}

const HOURS_MS = 7_200_000;
const QUIET = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };

/** Makes one attempt; resolves to what it returned or threw, and all that it heartbeated. */
async function make(
  one: Attempt,
): Promise<{ result: unknown; beats: unknown[]; recorded: Journal[]; asked: number }> {
  const nowMs = Date.now();
  const info = {
    attempt: one.attempt ?? 1,
    workflowExecution: { workflowId: one.model, runId: 'run' },
    heartbeatDetails: one.heartbeatDetails,
    scheduledTimestampMs: nowMs - (one.scheduledAgoMs ?? 0),
  };
  const environment = new MockActivityEnvironment(info, { logger: QUIET });
  const beats: unknown[] = [];
  environment.on('heartbeat', (details) => void beats.push(details));
  const recorded: Journal[] = [];
  let asked = 0;
  const { callUpstream } = createActivities({
    upstreams: upstreamsOf(),
    texts: null,
    lanes: createLanes(createSystemClock(), null, () => undefined),
    streams: createStreamHub(),
    now: Date.now,
    random: () => 0,
    runningCalls: createRunningCalls(),
    inquire: async () => {
      asked += 1;
      return { isCancelled: false, startedAtMs: null, isSuperseded: false };
    },
    record: async (journal) => void recorded.push(journal),
    log: { info: () => undefined },
    observer: null,
    ...one.dependencies,
  });
  const call = {
    ...(one.ofFirstVersion === true
      ? { request_id: one.model }
      : {
          request: { project: 'default', id: one.model, is_keyed: false },
          operation: 'chat.completions' as const,
          model: one.model,
        }),
    deadline_at_ms: nowMs + (one.deadlineInMs ?? 60_000),
    options: RequestOptions.parse(one.options ?? {}),
    ...(one.earlier === undefined ? {} : { earlier: one.earlier }),
  };
  const body = new RawJson(Buffer.from(JSON.stringify({ model: one.model, messages: [] })));
  const made = environment.run(callUpstream, call, body).catch((error: unknown) => error);
  if (one.during !== undefined) {
    await server.untilHits(one.model, 1);
    one.during(environment);
  }
  return { result: await made, beats, recorded, asked };
}

function endIn(result: unknown): RunEnd {
  if (!(result instanceof ApplicationFailure)) throw new Error(`not a failure: ${String(result)}`);
  const end = result.details?.find(isRunEnd);
  if (end === undefined) throw new Error('no end in the details');
  return end;
}

describe('an attempt', () => {
  it('returns the upstream’s exact bytes and the journal, and sends no heartbeat if it is short', async () => {
    const model = unique('short');
    const { result, beats, asked } = await make({ model });
    if (!(result instanceof RawJson)) throw new Error('expected an answer');
    expect(Buffer.from(result.bytes).toString()).toContain('"fine"');
    expect(result.beside).toMatchObject({
      begun: 1,
      unknown: 0,
      entries: [{ status: 'succeeded', billed: 'yes' }],
    });
    expect([beats, asked]).toEqual([[], 0]);
  });

  it('writes how it failed before it throws, with the delay and nothing of the body', async () => {
    const model = unique('failing');
    server.script(model, { answer: 503, body: { error: { message: 'secret prompt' } } });
    const { result, beats } = await make({ model });
    expect(result).toMatchObject({ type: 'upstream_overloaded', nonRetryable: false, nextRetryDelay: 5_000 });
    expect(beats.find(isJournal)).toEqual(endIn(result).journal);
    expect(JSON.stringify([result, beats, String(result)])).not.toContain('secret');
  });

  it('goes on from the journal it finds, and counts the attempts that left none', async () => {
    const model = unique('later');
    const { result } = await make({ model, attempt: 4, heartbeatDetails: EMPTY_JOURNAL });
    if (!(result instanceof RawJson)) throw new Error('expected an answer');
    expect(result.beside).toMatchObject({ begun: 4, unknown: 3, duplicate: true });
  });

  it('goes on from the runs before it where nothing was heartbeated yet', async () => {
    const first = await make({ model: unique('first'), attempt: 3 });
    if (!(first.result instanceof RawJson) || !isJournal(first.result.beside))
      throw new Error('expected an answer');
    const { result } = await make({ model: unique('second'), earlier: first.result.beside });
    if (!(result instanceof RawJson)) throw new Error('expected an answer');
    expect(result.beside).toMatchObject({ begun: 4 });
  });

  it('makes no call where the options forbid it after what is unknown', async () => {
    const model = unique('forbidden');
    const { result } = await make({ model, attempt: 2, options: { on_unknown_outcome: 'fail' } });
    expect(endIn(result)).toMatchObject({
      error: { code: 'outcome_unknown' },
      journal: { begun: 1, unknown: 1 },
    });
    expect(server.hits(model)).toHaveLength(0);
  });

  it.each([
    ['a later one', { attempt: 2 }],
    ['a first one that waited', { scheduledAgoMs: 5_000 }],
  ])('makes no call after a cancellation: %s asks first, and is not counted', async (_what, more) => {
    const model = unique('cancelled');
    const { result } = await make({
      model,
      ...more,
      dependencies: { inquire: async () => ({ isCancelled: true, startedAtMs: null, isSuperseded: false }) },
    });
    const { error, journal } = endIn(result);
    expect(error.code).toBe('request_cancelled');
    // The attempt before a later one left nothing behind: it may have run.
    const before = 'attempt' in more ? 1 : 0;
    expect(journal).toMatchObject({ begun: before, unknown: before, duplicate: false });
    expect(journal.entries).toHaveLength(before);
    expect(server.hits(model)).toHaveLength(0);
  });

  it('makes no call when Temporal has given up on it, because a later attempt makes the call', async () => {
    const model = unique('superseded');
    const inquire = async (): Promise<Inquiry> => ({
      isCancelled: false,
      startedAtMs: null,
      isSuperseded: true,
    });
    const { result } = await make({ model, scheduledAgoMs: 5_000, dependencies: { inquire } });
    expect(result).toMatchObject({ type: 'waits_for_turn', nonRetryable: false });
    expect(server.hits(model)).toEqual([]);
  });

  it('that waits in its lane records that it waits, and then that it begins, before it calls', async () => {
    const model = unique('waits');
    const lanes = createLanes(
      createSystemClock(),
      createCeiling(4, () => 1),
      () => undefined,
    );
    const isFree = (): boolean =>
      lanes.of({ account: 'a', model: 'other' }).enter(entrant({ id: unique('x') })).atOnce !== null;
    while (isFree());
    const hitsAtRecord: number[] = [];
    const record = async (): Promise<void> => void hitsAtRecord.push(server.hits(model).length);
    const { result, beats } = await make({ model, dependencies: { lanes, record } });
    if (!(result instanceof RawJson)) throw new Error('expected an answer');
    expect(result.beside).toMatchObject({ begun: 1, unknown: 0 });
    expect(hitsAtRecord).toEqual([0, 0]);
    expect(server.hits(model)).toHaveLength(1);
    // A heartbeat of the SDK that says "no call" could arrive after the record that the call begins.
    expect(beats).not.toContainEqual(expect.objectContaining({ paced: expect.anything() }));
  });

  it('makes no call after a wait that Temporal has not confirmed, because the report may come later', async () => {
    const model = unique('wait unconfirmed');
    const lanes = createLanes(
      createSystemClock(),
      createCeiling(4, () => 1),
      () => undefined,
    );
    const isFree = (): boolean =>
      lanes.of({ account: 'a', model: 'other' }).enter(entrant({ id: unique('x') })).atOnce !== null;
    while (isFree());
    const record = (): Promise<void> => Promise.reject(new Error('Temporal is away'));
    const { result } = await make({ model, dependencies: { lanes, record } });
    expect(result).toMatchObject({ type: 'waits_for_turn', nonRetryable: false });
    expect(server.hits(model)).toEqual([]);
  });

  it('writes its reports one after the other, so that the last one stays', async () => {
    const model = unique('in order');
    const first = Promise.withResolvers<void>();
    const beating = Promise.withResolvers<void>();
    const written: number[] = [];
    const record = async (journal: Journal): Promise<void> => {
      beating.resolve();
      await first.promise;
      written.push(journal.begun);
    };
    const waiting = waitForTurn(EMPTY_JOURNAL, 1, { lane: 'l', reason: 'r', wait_ms: 1, pace: null });
    const inquire = async (): Promise<Inquiry> => {
      // The heartbeat that reports the wait is on its way.
      await beating.promise;
      setImmediate(first.resolve);
      return { isCancelled: false, startedAtMs: null, isSuperseded: false };
    };
    await make({ model, attempt: 2, heartbeatDetails: waiting, dependencies: { record, inquire } });
    expect(written).toEqual([0, 1]);
    expect(server.hits(model)).toHaveLength(1);
  });

  it('makes no call that Temporal has not confirmed after a wait', async () => {
    const model = unique('unconfirmed');
    const waiting = waitForTurn(EMPTY_JOURNAL, 1, { lane: 'l', reason: 'r', wait_ms: 1, pace: null });
    const record = (): Promise<void> => Promise.reject(new Error('Temporal is away'));
    const { result, beats } = await make({
      model,
      attempt: 2,
      heartbeatDetails: waiting,
      dependencies: { record },
    });
    expect(result).toMatchObject({ type: 'waits_for_turn', nonRetryable: false });
    expect(beats.at(-1)).toMatchObject({ begun: 0, paced: { activity_attempt: 2 } });
    expect(server.hits(model)).toEqual([]);
  });

  it('that asked first writes its beginning at once, because readers count it only then', async () => {
    const model = unique('asked');
    const { beats, asked } = await make({ model, attempt: 2, heartbeatDetails: EMPTY_JOURNAL });
    expect(asked).toBe(1);
    expect(beats).toMatchObject([{ begun: 2, entries: [{ status: 'interrupted' }, { status: 'running' }] }]);
  });

  it('heartbeats while it asks, because a silent attempt is given up', async () => {
    const model = unique('asking');
    const beat = Promise.withResolvers<Journal>();
    const inquire = async (): Promise<Inquiry> => {
      await beat.promise;
      return { isCancelled: false, startedAtMs: null, isSuperseded: false };
    };
    const record = async (journal: Journal): Promise<void> => beat.resolve(journal);
    await make({ model, attempt: 2, dependencies: { inquire, record } });
    // What was known then: nothing of this attempt.
    expect(await beat.promise).toMatchObject({ begun: 1, unknown: 1 });
  });

  it('of a call that a workflow of 0.1.0 scheduled is a chat completion of the default project', async () => {
    const model = unique('of-0.1.0');
    const seen: unknown[] = [];
    const upstreams: ActivityDependencies['upstreams'] = {
      find: async (request) => ({
        lane: () => null,
        streams: false,
        complete: (call) => {
          seen.push({ operation: call.operation, ...request });
          return upstream.complete(call);
        },
      }),
    };
    await make({ model, ofFirstVersion: true, dependencies: { upstreams } });
    expect(seen).toEqual([{ operation: 'chat.completions', project: 'default', id: model, is_keyed: false }]);
  });

  it('makes no call when the cancellation comes while it still asks whether there is one', async () => {
    const model = unique('meanwhile');
    const runningCalls = createRunningCalls();
    const inquire = async (): Promise<Inquiry> => {
      runningCalls.cancel(model);
      return { isCancelled: false, startedAtMs: null, isSuperseded: false };
    };
    const { result } = await make({ model, attempt: 2, dependencies: { runningCalls, inquire } });
    expect(endIn(result).error.code).toBe('request_cancelled');
    expect(server.hits(model)).toEqual([]);
  });

  it('makes no call after the deadline, and is not counted', async () => {
    const model = unique('late');
    const { result } = await make({ model, deadlineInMs: -1 });
    expect(endIn(result)).toMatchObject({
      error: { code: 'deadline_exceeded' },
      journal: { begun: 0, unknown: 0, entries: [] },
    });
    expect(server.hits(model)).toHaveLength(0);
  });

  it.each([-HOURS_MS, HOURS_MS])(
    "keeps the deadline by Temporal's clock when its own is %d ms off: a wrong clock must end no request",
    async (offMs) => {
      const model = unique('skewed');
      const startedAtMs = Date.now();
      const dependencies = {
        now: () => Date.now() + offMs,
        inquire: async () => ({ isCancelled: false, startedAtMs, isSuperseded: false }),
      };
      const { result } = await make({ model, dependencies });
      if (!(result instanceof RawJson) || !isJournal(result.beside)) throw new Error('expected an answer');
      const [attempt] = result.beside.entries;
      expect(Math.abs(Date.parse(attempt?.started_at ?? '') - startedAtMs)).toBeLessThan(60_000);
      const late = unique('skewed-and-late');
      const ended = await make({ model: late, deadlineInMs: -1_000, dependencies });
      expect(endIn(ended.result).error.code).toBe('deadline_exceeded');
      expect(server.hits(late)).toHaveLength(0);
    },
  );

  it('ends at its own timeout with our word, for Temporal tells a running activity of none', async () => {
    const model = unique('stalled');
    server.script(model, { stall: 'headers' });
    const { result } = await make({ model, options: { attempt_timeout_seconds: 1 } });
    expect(endIn(result).journal.entries[0]).toMatchObject({
      error_code: 'upstream_timeout',
      outcome: 'unknown',
    });
  });

  it('that learns of a cancellation from its own process ends for good, and aborts its call', async () => {
    const model = unique('told-here');
    server.script(model, { stall: 'headers' });
    const runningCalls = createRunningCalls();
    const { result } = await make({
      model,
      dependencies: { runningCalls },
      during: () => runningCalls.cancel(model),
    });
    await server.untilAborted(model, 1);
    expect(result).toMatchObject({ type: 'request_cancelled', nonRetryable: true });
    expect(endIn(result).journal.entries[0]).toMatchObject({ status: 'cancelled', outcome: 'unknown' });
  });

  it('that Temporal tells of a cancellation throws one, with the journal in it', async () => {
    const model = unique('told-by-temporal');
    server.script(model, { stall: 'headers' });
    const { result } = await make({ model, during: (temporal) => temporal.cancel('CANCELLED') });
    if (!(result instanceof CancelledFailure)) throw new Error(`not a cancellation: ${String(result)}`);
    expect(result.details?.find(isJournal)?.entries[0]).toMatchObject({ status: 'cancelled' });
  });

  it.each([
    ['succeeds', [ok()], ['completed null']],
    ['fails', [{ answer: 503, body: {} }], ['unknown upstream_overloaded']],
    ['is no call that could be made', 'broken', []],
  ] as const)(
    'that %s is told of as begun and ended once each: nothing may seem to be in flight for ever',
    async (_what, steps, ends) => {
      const model = unique('observed');
      if (steps !== 'broken') server.script(model, ...steps);
      const told: string[] = [];
      const observer = {
        callBegan: () => void told.push('began'),
        callEnded: () => void told.push('ended'),
        attemptEnded: ({ outcome, error_code }: Pick<AttemptEnd, 'outcome' | 'error_code'>) =>
          void told.push(`${outcome} ${error_code}`),
      };
      const complete = (): Promise<never> => Promise.reject(new Error('a fault of ours'));
      const broken = steps === 'broken' ? { upstreams: upstreamsOf(complete) } : {};
      await make({ model, dependencies: { observer, ...broken } });
      expect(told).toEqual(['began', 'ended', ...ends]);
    },
  );

  it.each([
    ['retry', { type: 'attempt_interrupted', nonRetryable: false, nextRetryDelay: 1 }],
    ['fail', { type: 'outcome_unknown', nonRetryable: true }],
  ])(
    'that its worker breaks off is handed over under "%s" as far as that allows',
    async (policy, expected) => {
      const model = unique('shutdown');
      server.script(model, { stall: 'headers' }, ok());
      const { result } = await make({
        model,
        options: { on_unknown_outcome: policy },
        during: (temporal) => temporal.cancel('WORKER_SHUTDOWN'),
      });
      expect(result).toMatchObject(expected);
      expect(endIn(result).journal.entries[0]).toMatchObject({ status: 'interrupted', outcome: 'unknown' });
    },
  );
});
