import { afterEach, describe, expect, inject, it } from 'vitest';
import { errorOf, get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { ok } from '../support/scripted-upstream.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { useDeployment } from '../support/use-deployment.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** The API alone, with short heartbeats; workers are processes that can be killed. */
const { upstream, deployment } = await useDeployment({
  worker: false,
  together: false,
  env: { REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2' },
});

const workers: RunningProcess[] = [];
// One left by a test that failed would take the next one's calls.
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.end('SIGKILL'))));

async function startWorker(temporalAddress = inject('temporalAddress')): Promise<RunningProcess> {
  const worker = await startWorkerProcess({
    temporalAddress,
    taskQueue: deployment.taskQueue,
    upstreamURL: upstream.baseURL,
    env: { REQRUN_SHUTDOWN_GRACE_SECONDS: '1' },
  });
  workers.push(worker);
  return worker;
}

describe('while no worker is up', () => {
  it('accepts, reads and ends requests: the deadline needs no worker', async () => {
    const key = unique('nobody');
    const answer = await post(deployment.url, {
      model: key,
      idempotency_key: key,
      wait: 1,
      // Long enough to be looked at before, also on a busy machine.
      reqrun: { deadline_seconds: 5 },
    });
    expect(answer.status).toBe(202);
    expect(await readRecord(deployment.url, key)).toMatchObject({ status: 'queued', attempts: 0 });
    const record = await untilRecord(deployment.url, key, ({ terminal }) => terminal, 30_000);
    expect(record).toMatchObject({
      status: 'failed',
      attempts: 0,
      error: { code: 'deadline_exceeded', reason: 'deadline_exceeded' },
    });
    // Temporal's own timer ended it, which never fires early.
    expect(Date.parse(record.completed_at ?? '')).toBeGreaterThanOrEqual(Date.parse(record.deadline_at));
    expect(upstream.hits(key)).toHaveLength(0);
    const replay = await post(deployment.url, { model: key, idempotency_key: key });
    expect([replay.status, errorOf(replay).code]).toEqual([504, 'deadline_exceeded']);
  });
});

describe('a worker that dies during the call', () => {
  it('row 48: leaves an attempt whose outcome is unknown; the next one is flagged as a possible duplicate', async () => {
    const key = unique('killed');
    upstream.script(key, { stall: 'headers' }, ok());
    await post(deployment.url, { model: key, idempotency_key: key });
    const first = await startWorker();
    await upstream.untilHits(key, 1);
    await first.end('SIGKILL');
    const second = await startWorker();
    const record = await untilRecord(deployment.url, key, ({ terminal }) => terminal);
    await second.end('SIGTERM');
    expect(record).toMatchObject({
      status: 'completed',
      attempts: 2,
      unknown_attempts: 1,
      possible_duplicate: true,
    });
    expect(record.attempt_log[0]).toMatchObject({
      number: 1,
      status: 'interrupted',
      outcome: 'unknown',
      error_code: 'attempt_interrupted',
    });
    expect(upstream.hits(key)).toHaveLength(2);
  });

  it('is not replaced by another call where the caller wants at most one', async () => {
    const key = unique('at-most-once');
    upstream.script(key, { stall: 'headers' }, ok());
    await post(deployment.url, { model: key, idempotency_key: key, reqrun: { on_unknown_outcome: 'fail' } });
    const first = await startWorker();
    await upstream.untilHits(key, 1);
    await first.end('SIGKILL');
    const second = await startWorker();
    const record = await untilRecord(deployment.url, key, ({ terminal }) => terminal);
    await second.end('SIGTERM');
    expect(record).toMatchObject({
      status: 'failed',
      attempts: 1,
      unknown_attempts: 1,
      possible_duplicate: false,
    });
    expect(record.error).toMatchObject({ code: 'outcome_unknown' });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('row 49: cannot change the result afterwards; its late answer is refused by Temporal', async () => {
    const key = unique('late');
    upstream.script(key, ok('too late', 3_000), ok('in time'));
    await post(deployment.url, { model: key, idempotency_key: key });
    const proxy = await startTcpProxy(inject('temporalAddress'));
    const frozen = await startWorker(proxy.address);
    await upstream.untilHits(key, 1);
    frozen.child.kill('SIGSTOP');
    // Temporal would hand the next attempts to the frozen worker's open polls, one after the other.
    await proxy.refuse(true);
    const other = await startWorker();
    const record = await untilRecord(deployment.url, key, ({ terminal }) => terminal, 50_000);
    const bytes = (await get(deployment.url, `/v1/requests/${key}`)).text;
    // Still out of Temporal's reach, or a heartbeat would tell it that its attempt is lost before it has the answer.
    frozen.child.kill('SIGCONT');
    await frozen.untilOutput('attempt succeeded');
    await proxy.refuse(false);
    // It has told Temporal, and been refused, by the time it has stopped.
    await frozen.end('SIGTERM');
    expect((await get(deployment.url, `/v1/requests/${key}`)).text).toBe(bytes);
    expect(record).toMatchObject({
      status: 'completed',
      attempts: 2,
      unknown_attempts: 1,
      possible_duplicate: true,
    });
    expect(upstream.hits(key)).toHaveLength(2);
    expect(bytes).toContain('in time');
    proxy.close();
    await other.end('SIGTERM');
  });
});

describe('a stopping worker', () => {
  it('lets a short call finish and hands a long one over, named as interrupted', async () => {
    const [short, long] = [unique('short'), unique('long')];
    upstream.script(short, ok('short', 400));
    upstream.script(long, { stall: 'headers' }, ok('long'));
    const first = await startWorker();
    await post(deployment.url, { model: short, idempotency_key: short });
    await post(deployment.url, { model: long, idempotency_key: long });
    await Promise.all([upstream.untilHits(short, 1), upstream.untilHits(long, 1)]);
    await first.end('SIGTERM');
    const second = await startWorker();
    const records = await Promise.all(
      [short, long].map((key) => untilRecord(deployment.url, key, ({ terminal }) => terminal)),
    );
    await second.end('SIGTERM');
    expect(records[0]).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
    expect(records[1]).toMatchObject({ status: 'completed', attempts: 2, unknown_attempts: 1 });
    expect(records[1]?.attempt_log[0]).toMatchObject({
      status: 'interrupted',
      error_code: 'attempt_interrupted',
    });
  });
});

describe('Temporal out of reach', () => {
  it('is a 503 that executes nothing and leaves the key free; records are 503, not 404', async () => {
    const port = await freePort();
    const api = runEntryFile('src/api.ts', {
      PORT: String(await freePort()),
      TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    });
    await api.untilOutput('"ready"');
    const url = /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '';
    // Nothing ever answers there: what is answered, is so within a budget of its own (its unit test has the 5 s).
    const refused = await post(url, { idempotency_key: 'k', wait: 3_600 });
    expect([refused.status, errorOf(refused).code]).toEqual([503, 'service_unavailable']);
    expect((await get(url, '/v1/requests/k')).status).toBe(503);
    expect([(await get(url, '/healthz')).status, (await get(url, '/readyz')).status]).toEqual([200, 503]);
    await api.end('SIGTERM');
  });
});
