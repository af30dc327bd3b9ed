/**
 * Row 37: kill -9 around the blob store, which is a real S3 server behind a proxy. While the proxy keeps its answers
 * back, what was put is stored, and no record names it: that is where a process is killed.
 */
import { Client, Connection } from '@temporalio/client';
import { randomBytes } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, inject, it } from 'vitest';
import { act, get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { filesIn } from '../support/blob-files.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { createS3Server, s3Environment, S3_BUILD_MS, type S3Server } from '../support/s3-server.ts';
import { ok, type ScriptedUpstream, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const taskQueue = unique('large');
const large = (): string => randomBytes(600_000).toString('base64');

let server: S3Server;
let proxy: TcpProxy;
let upstream: ScriptedUpstream;
let env: Record<string, string>;
let url: string;
const running: RunningProcess[] = [];

async function startApi(): Promise<RunningProcess> {
  const port = new URL(url).port;
  const api = runEntryFile('src/api.ts', {
    ...env,
    PORT: port,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    REQRUN_TASK_QUEUE: taskQueue,
  });
  running.push(api);
  await api.untilOutput('"ready"');
  return api;
}

async function startWorker(): Promise<RunningProcess> {
  const settings = {
    temporalAddress: inject('temporalAddress'),
    taskQueue,
    upstreamURL: upstream.baseURL,
    env,
  };
  const worker = await startWorkerProcess(settings);
  running.push(worker);
  return worker;
}

const files = (key: string): Promise<string[]> => filesIn(join(server.directory, 'kills'), key);
const untilStored = (key: string, kind: string): Promise<string[]> =>
  until(
    () => files(key),
    (found) => found.some((file) => file.includes(`/${kind}-`)),
    30_000,
  );

beforeAll(async () => {
  server = await createS3Server();
  await server.start();
  proxy = await startTcpProxy(server.address);
  upstream = await startScriptedUpstream();
  env = {
    ...s3Environment(proxy.address),
    REQRUN_BLOB_STORE: `s3://${server.bucket}/kills`,
    REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2',
  };
  url = `http://127.0.0.1:${await freePort()}`;
}, S3_BUILD_MS);
afterEach(async () => {
  proxy.silence('none');
  for (const one of running.splice(0)) await one.end('SIGKILL');
});
afterAll(async () => {
  await upstream.close();
  proxy.close();
  await server.remove();
});

/** Requests that one kill hits at the same time. */
const AT_ONCE = 8;

it('completes with the stored results after kill -9 of the worker before it reports, without a second call', async () => {
  await startApi();
  const first = await startWorker();
  const contents = new Map(Array.from({ length: AT_ONCE }, () => [unique('stored'), large()]));
  const waiting = new Set(contents.keys());
  for (const [key, content] of contents) {
    const arrived = until(
      () => waiting.size,
      (left) => left === 0,
    );
    const onCall = (): void => {
      waiting.delete(key);
      if (waiting.size === 0) proxy.silence('answers');
    };
    upstream.script(key, { ...ok(content), onCall, after: arrived });
    await post(url, { model: key, idempotency_key: key });
  }
  for (const key of contents.keys()) await untilStored(key, 'result');
  await first.end('SIGKILL');
  proxy.silence('none');
  await startWorker();
  for (const [key, content] of contents) {
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 60_000);
    const facts = { status: 'completed', attempts: 1, unknown_attempts: 0, possible_duplicate: false };
    expect(record).toMatchObject(facts);
    expect(record.attempt_log[0]).toMatchObject({ status: 'succeeded', outcome: 'completed' });
    expect((await get(url, `/v1/requests/${key}`)).text).toContain(content);
    expect(upstream.hits(key)).toHaveLength(1);
  }
});

it.each(['retry', 'fail'] as const)(
  'names the answer lost after kill -9 of the worker while it stores it (on_unknown_outcome: %s)',
  async (onUnknown) => {
    await startApi();
    const first = await startWorker();
    const key = unique('lost');
    upstream.script(key, { ...ok(large()), onCall: () => void proxy.refuse(true) }, ok(large()));
    await post(url, { model: key, idempotency_key: key, reqrun: { on_unknown_outcome: onUnknown } });
    await upstream.untilHits(key, 1);
    await untilStoring(key);
    await first.end('SIGKILL');
    await proxy.refuse(false);
    await startWorker();
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 60_000);
    expect(record.attempt_log[0]).toMatchObject({ status: 'interrupted', outcome: 'lost', billed: 'yes' });
    const isRepeated = onUnknown === 'retry';
    expect(record).toMatchObject({
      status: isRepeated ? 'completed' : 'failed',
      attempts: isRepeated ? 2 : 1,
      unknown_attempts: 1,
      possible_duplicate: isRepeated,
    });
    if (!isRepeated) expect(record.error?.code).toBe('outcome_unknown');
    expect(upstream.hits(key)).toHaveLength(record.attempts);
  },
);

it('leaves the key free after kill -9 of the API between store and start', async () => {
  const first = await startApi();
  await startWorker();
  const key = unique('unstarted');
  const call = { model: key, messages: [{ role: 'user', content: large() }], idempotency_key: key };
  proxy.silence('answers');
  const unanswered = post(url, call).catch(() => null);
  await untilStored(key, 'body');
  await first.end('SIGKILL');
  expect(await unanswered).toBeNull();
  proxy.silence('none');
  await startApi();
  expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
  expect((await post(url, { ...call, wait: 30 })).status).toBe(200);
  expect(await readRecord(url, key)).toMatchObject({ status: 'completed', attempts: 1 });
  expect(upstream.hits(key)).toHaveLength(1);
});

it('counts no attempt after kill -9 of the worker while it reads the body', async () => {
  await startApi();
  const first = await startWorker();
  const key = unique('reading');
  const call = { model: key, messages: [{ role: 'user', content: large() }], idempotency_key: key };
  const at = new Date(Date.now() + 2_000).toISOString();
  await post(url, { ...call, reqrun: { run_at: at } });
  proxy.silence('answers');
  await untilRecord(
    url,
    key,
    ({ waiting_reason: why }) => why === 'its body is read from the blob store',
    30_000,
  );
  await first.end('SIGKILL');
  proxy.silence('none');
  await startWorker();
  const record = await untilRecord(url, key, ({ terminal }) => terminal, 60_000);
  expect(record).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
  expect(upstream.hits(key)).toHaveLength(1);
});

it('makes no call for a body that is gone, and runs again by hand once it is back', async () => {
  await startApi();
  const key = unique('gone');
  const call = { model: key, messages: [{ role: 'user', content: large() }], idempotency_key: key };
  await post(url, call);
  const [file = ''] = await untilStored(key, 'body');
  const path = join(server.directory, 'kills', file);
  await rename(path, `${path}.away`);
  await startWorker();
  const failed = await untilRecord(url, key, ({ terminal }) => terminal, 60_000);
  expect(failed).toMatchObject({ status: 'failed', attempts: 0, error: { code: 'text_unreadable' } });
  expect(upstream.hits(key)).toHaveLength(0);
  await rename(`${path}.away`, path);
  expect((await act(url, key, 'retry')).status).toBe(202);
  await untilRecord(url, key, ({ status }) => status === 'completed', 60_000);
  expect(upstream.hits(key)).toHaveLength(1);
});

/** Until Temporal has it where the answer will be. The record shows the attempt as running, so its journal is read. */
async function untilStoring(key: string): Promise<void> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const handle = new Client({ connection }).workflow.getHandle(key);
  await until(
    async () => (await handle.describe()).raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data,
    (data) => data !== undefined && data !== null && String(Buffer.from(data)).includes('"storing"'),
    30_000,
  );
  await connection.close();
}
