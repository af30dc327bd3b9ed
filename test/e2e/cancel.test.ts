import { describe, expect, inject, it } from 'vitest';
import { act, errorOf, get, post, readRecord, recordIn, unique, untilRecord } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { startLeavingCaller } from '../support/leaving-caller.ts';
import { ok, overloaded } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const { upstream, deployment, url } = await useDeployment({
  // Long, so that no heartbeat can be what brings the cancellation.
  env: { REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '60' },
});

const terminal = ({ terminal }: { terminal: boolean }): boolean => terminal;

describe('cancelling', () => {
  it('aborts the upstream call at once in the same process, without waiting for a heartbeat', async () => {
    const key = unique('in-call');
    upstream.script(key, { stall: 'headers' });
    const held = post(url, { model: key, idempotency_key: key, wait: 30 });
    await upstream.untilHits(key, 1);
    // The next heartbeat after the first one is sent 48 s later.
    await until(
      () => deployment.client.workflow.getHandle(key).describe(),
      ({ raw }) => Boolean(raw.pendingActivities?.[0]?.lastHeartbeatTime),
    );
    const askedMs = performance.now();
    const answer = await act(url, key, 'cancel');
    expect(answer.status).toBe(202);
    expect(recordIn(answer)).toMatchObject({ id: key, cancel_requested: true });
    await upstream.untilAborted(key, 1);
    const abortedMs = performance.now() - askedMs;
    process.stdout.write(
      `the call was aborted ${Math.round(abortedMs)} ms after the cancellation was asked for\n`,
    );
    expect(abortedMs).toBeLessThan(15_000);
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({
      status: 'cancelled',
      attempts: 1,
      unknown_attempts: 1,
      error: { code: 'request_cancelled', reason: 'cancelled' },
    });
    expect(record.attempt_log[0]).toMatchObject({ status: 'cancelled', outcome: 'unknown' });
    expect((await held).status).toBe(409);
    await until(
      () => deployment.client.workflow.getHandle(key).describe(),
      ({ status }) => status.name === 'CANCELLED',
    );
  });

  it('keeps every attempt in the record when it arrives between two, although Temporal drops them', async () => {
    const key = unique('in-backoff');
    upstream.script(key, { answer: 429, headers: { 'retry-after': '1' } }, overloaded());
    await post(url, { model: key, idempotency_key: key });
    const before = await untilRecord(
      url,
      key,
      (record) => record.attempts === 2 && record.status === 'retrying',
    );
    expect((await act(url, key, 'cancel')).status).toBe(202);
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'cancelled', attempts: 2, unknown_attempts: 0 });
    expect(record.attempt_log).toEqual(before.attempt_log);
    expect(upstream.hits(key)).toHaveLength(2);
  });

  it('can be asked for again, also once the request is cancelled: the answer is its record', async () => {
    const key = unique('twice');
    upstream.script(key, { stall: 'headers' });
    await post(url, { model: key, idempotency_key: key });
    await upstream.untilHits(key, 1);
    const answers = await Promise.all(Array.from({ length: 5 }, () => act(url, key, 'cancel')));
    expect(answers.filter(({ status }) => status === 202).length).toBeGreaterThan(0);
    expect(answers.every(({ status }) => status === 202 || status === 200)).toBe(true);
    await untilRecord(url, key, ({ status }) => status === 'cancelled');
    const late = await act(url, key, 'cancel');
    expect([late.status, recordIn(late)]).toEqual([200, await readRecord(url, key)]);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('leaves a completed request as it is', async () => {
    const key = unique('done');
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const bytes = (await get(url, `/v1/requests/${key}`)).text;
    const late = await act(url, key, 'cancel');
    expect([late.status, errorOf(late).code]).toEqual([409, 'request_already_terminal']);
    expect(late.headers.get('x-should-retry')).toBe('false');
    expect((await get(url, `/v1/requests/${key}`)).text).toBe(bytes);
  });

  it('does not happen when the caller disconnects', async () => {
    const key = unique('left');
    const released = Promise.withResolvers<void>();
    upstream.script(key, { ...ok('still here'), after: released.promise });
    const caller = startLeavingCaller(url, { model: key, idempotency_key: key, wait: 30 });
    await upstream.untilHits(key, 1);
    await caller.leave();
    released.resolve();
    expect(await untilRecord(url, key, terminal)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('answers a held caller as soon as a worker of its process takes the cancelled request', async () => {
    const together = await startDeployment({ upstreamURL: upstream.baseURL, worker: false });
    const key = unique('held');
    const held = post(together.url, { model: key, idempotency_key: key, wait: 120 });
    await until(
      () => get(together.url, `/v1/requests/${key}`),
      ({ status }) => status === 200,
    );
    expect((await act(together.url, key, 'cancel')).status).toBe(202);
    await together.startWorker();
    const answer = await held;
    expect([answer.status, errorOf(answer).code]).toEqual([409, 'request_cancelled']);
    expect(upstream.hits(key)).toHaveLength(0);
    await together.stop();
  });

  it('answers an unknown id like a read of it', async () => {
    const answer = await act(url, unique('nobody'), 'cancel');
    expect([answer.status, answer.text]).toEqual([
      404,
      (await get(url, `/v1/requests/${unique('nobody')}`)).text,
    ]);
  });
});

describe('cancelling where the worker is elsewhere', () => {
  const startWorker = (taskQueue: string, env: Record<string, string> = {}) =>
    startWorkerProcess({
      temporalAddress: inject('temporalAddress'),
      taskQueue,
      upstreamURL: upstream.baseURL,
      env,
    });

  it('calls nothing when it comes before a worker does, and says so', async () => {
    const alone = await startDeployment({ upstreamURL: upstream.baseURL, together: false, worker: false });
    const key = unique('queued');
    await post(alone.url, { model: key, idempotency_key: key });
    expect((await act(alone.url, key, 'cancel')).status).toBe(202);
    const waiting = await readRecord(alone.url, key);
    expect(waiting).toMatchObject({ status: 'queued', cancel_requested: true });
    await alone.startWorker();
    expect(await untilRecord(alone.url, key, terminal)).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(upstream.hits(key)).toHaveLength(0);
    await alone.stop();
  });

  it('prevents the next call even if no worker was up, although Temporal schedules an attempt', async () => {
    const alone = await startDeployment({
      upstreamURL: upstream.baseURL,
      together: false,
      worker: false,
      env: { REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2' },
    });
    const worker = await startWorker(alone.taskQueue);
    const key = unique('dead');
    upstream.script(key, { stall: 'headers' }, ok('never'));
    await post(alone.url, { model: key, idempotency_key: key });
    await upstream.untilHits(key, 1);
    await worker.end('SIGKILL');
    await act(alone.url, key, 'cancel');
    await until(
      () => deployment.client.workflow.getHandle(key).describe(),
      ({ raw }) => raw.pendingActivities?.[0]?.attempt === 2,
    );
    await alone.startWorker();
    const record = await untilRecord(alone.url, key, terminal, 30_000);
    // Temporal had begun the second attempt, or it had not: either way it made no call and is not counted.
    expect(record).toMatchObject({ status: 'cancelled', attempts: 1, unknown_attempts: 1 });
    expect(record).toMatchObject({ possible_duplicate: false, attempt_log: [{ status: 'interrupted' }] });
    expect(upstream.hits(key)).toHaveLength(1);
    await alone.stop();
  });

  it('also prevents a first call that was queued while no worker was up', async () => {
    const alone = await startDeployment({ upstreamURL: upstream.baseURL, together: false, worker: false });
    const worker = await startWorker(alone.taskQueue, { REQRUN_MAX_ATTEMPTS_IN_FLIGHT: '1' });
    const [holder, key] = [unique('holder'), unique('waiting')];
    upstream.script(holder, { stall: 'headers' });
    upstream.script(key, ok('never'));
    await post(alone.url, { model: holder, idempotency_key: holder });
    await upstream.untilHits(holder, 1);
    await post(alone.url, { model: key, idempotency_key: key });
    // Its activity is scheduled, and waits for the only place.
    await until(
      () => deployment.client.workflow.getHandle(key).describe(),
      ({ raw }) => raw.pendingActivities?.length === 1,
    );
    await worker.end('SIGKILL');
    expect((await act(alone.url, key, 'cancel')).status).toBe(202);
    await until(
      () => readRecord(alone.url, key),
      ({ created_at }) => Date.now() - Date.parse(created_at) > 1_500,
    );
    await alone.startWorker();
    const record = await untilRecord(alone.url, key, terminal, 30_000);
    expect(record).toMatchObject({ status: 'cancelled', attempts: 0, attempt_log: [] });
    expect(upstream.hits(key)).toHaveLength(0);
    await act(alone.url, holder, 'cancel');
    await alone.stop();
  });
});
