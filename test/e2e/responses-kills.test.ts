/**
 * A Response through kill -9 at every phase: its id never changes, a read always answers, and no call is hidden. The
 * phases are printed as a table.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { get, postTo, readRecord, unique, untilRecord, type Answer } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { responseOf, startScriptedUpstream, type Step } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const Shown = z.looseObject({ id: z.string(), status: z.string() });
type Shown = z.infer<typeof Shown>;

const upstream = await startScriptedUpstream();
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const place = {
  temporalAddress: inject('temporalAddress'),
  taskQueue: `kills-${randomUUID()}`,
  upstreamURL: upstream.baseURL,
};
let api = await startApi();
const workers: RunningProcess[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.end('SIGKILL'))));
afterAll(async () => {
  await api.end('SIGTERM');
  await upstream.close();
});

async function startApi(): Promise<RunningProcess> {
  const started = runEntryFile('src/api.ts', {
    PORT: String(port),
    TEMPORAL_ADDRESS: place.temporalAddress,
    REQRUN_TASK_QUEUE: place.taskQueue,
    REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2',
  });
  await started.untilOutput('"ready"');
  return started;
}

async function startWorker(): Promise<RunningProcess> {
  const worker = await startWorkerProcess({ ...place, env: { REQRUN_SHUTDOWN_GRACE_SECONDS: '1' } });
  workers.push(worker);
  return worker;
}

async function create(key: string): Promise<Shown> {
  const body = { model: key, input: 'hi', background: true, idempotency_key: key };
  const answer = await postTo(url, '/v1/responses', body);
  expect(answer.status).toBe(200);
  return Shown.parse(JSON.parse(answer.text));
}
const retrieve = (key: string): Promise<Answer> => get(url, `/v1/responses/${key}`);
const shown = async (key: string): Promise<Shown> => {
  const answer = await retrieve(key);
  expect(answer.status).toBe(200);
  return Shown.parse(JSON.parse(answer.text));
};
const untilShown = (key: string, status: string): Promise<Shown> =>
  until(
    () => shown(key),
    (one) => one.status === status,
    40_000,
  );

/** Prints a row of the table: what was killed, and what the Response and its record say in the end. */
async function report(phase: string, key: string): Promise<void> {
  const { id, status } = await shown(key);
  const record = await readRecord(url, key);
  const posts = upstream.hits(key).length;
  expect(posts).toBeLessThanOrEqual(record.attempts);
  process.stdout.write(
    `| ${[phase, id === key, status, posts, record.attempts, record.unknown_attempts, record.possible_duplicate].join(' | ')} |\n`,
  );
}

const done: Step = { answer: 200, body: responseOf() };

describe('a Response keeps its id and is read', () => {
  it('while no worker is up: queued, and cancelled as soon as one is', async () => {
    const [key, unwanted] = [unique('no-worker'), unique('unwanted')];
    upstream.script(key, done);
    expect(await create(key)).toMatchObject({ id: key, status: 'queued' });
    expect(await shown(key)).toMatchObject({ id: key, status: 'queued' });
    await create(unwanted);
    const cancel = await fetch(`${url}/v1/responses/${unwanted}/cancel`, { method: 'POST' });
    expect([cancel.status, Shown.parse(await cancel.json()).id]).toEqual([200, unwanted]);
    await startWorker();
    expect(await untilShown(key, 'completed')).toMatchObject({ id: key });
    expect(await untilShown(unwanted, 'cancelled')).toMatchObject({ id: unwanted });
    expect(upstream.hits(unwanted)).toHaveLength(0);
    await report('no worker at the create', key);
  });

  it('after kill -9 of the worker during the call, which is made again and flagged', async () => {
    const key = unique('in-call');
    upstream.script(key, { stall: 'headers' }, done);
    const first = await startWorker();
    await create(key);
    await upstream.untilHits(key, 1);
    await first.end('SIGKILL');
    expect(await shown(key)).toMatchObject({ id: key, status: 'in_progress' });
    await startWorker();
    await untilShown(key, 'completed');
    expect(await readRecord(url, key)).toMatchObject({
      attempts: 2,
      unknown_attempts: 1,
      possible_duplicate: true,
    });
    await report('worker, during the call', key);
  });

  it('after kill -9 of the worker while it follows a Response of the upstream', async () => {
    const [key, one, two] = [unique('following'), unique('resp'), unique('resp')];
    const underWay = (id: string): Step => ({
      answer: 200,
      body: responseOf({ id, status: 'in_progress', output: [] }),
    });
    upstream.script(key, underWay(one), underWay(two));
    upstream.script(`/v1/responses/${one}`, underWay(one));
    upstream.script(`/v1/responses/${two}`, { answer: 200, body: responseOf({ id: two }) });
    const first = await startWorker();
    await create(key);
    await upstream.untilHits(`/v1/responses/${one}`, 2);
    await first.end('SIGKILL');
    await startWorker();
    await untilShown(key, 'completed');
    expect(await readRecord(url, key)).toMatchObject({
      attempts: 2,
      unknown_attempts: 1,
      possible_duplicate: true,
      upstream_response_id: two,
    });
    await report('worker, while it follows by GET', key);
  });

  it('after kill -9 of the worker right after the answer came', async () => {
    const key = unique('answered');
    const first = await startWorker();
    upstream.script(
      key,
      { ...done, onCall: () => setTimeout(() => first.child.kill('SIGKILL'), 20), afterMs: 15 },
      done,
    );
    await create(key);
    await upstream.untilHits(key, 1);
    await first.end('SIGKILL');
    await startWorker();
    await untilShown(key, 'completed');
    await report('worker, right after the answer', key);
  });

  it('after kill -9 of the API, also for a caller that was held', async () => {
    const key = unique('api');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { ...done, after: release.promise });
    await startWorker();
    const held = postTo(url, '/v1/responses', { model: key, input: 'hi', idempotency_key: key }).catch(
      () => null,
    );
    await upstream.untilHits(key, 1);
    await api.end('SIGKILL');
    expect(await held).toBe(null);
    api = await startApi();
    expect(await shown(key)).toMatchObject({ id: key, status: 'in_progress' });
    release.resolve();
    await untilShown(key, 'completed');
    const replay = await postTo(url, '/v1/responses', { model: key, input: 'hi', idempotency_key: key });
    expect([replay.headers.get('idempotent-replayed'), replay.text]).toEqual([
      'true',
      (await retrieve(key)).text,
    ]);
    await report('API, while a caller is held', key);
  });

  it('after the end, with all workers down and the API new: the same bytes', async () => {
    const key = unique('ended');
    upstream.script(key, done);
    const worker = await startWorker();
    await create(key);
    await untilRecord(url, key, ({ terminal }) => terminal);
    const before = (await retrieve(key)).text;
    await worker.end('SIGKILL');
    await api.end('SIGKILL');
    api = await startApi();
    expect((await retrieve(key)).text).toBe(before);
    expect((await get(url, `/v1/responses/${key}/input_items`)).status).toBe(200);
    await report('everything but Temporal, after the end', key);
  });

  it('after kill -9 of API and worker together during a call', async () => {
    const key = unique('both');
    upstream.script(key, { stall: 'headers' }, done);
    const worker = await startWorker();
    await create(key);
    await upstream.untilHits(key, 1);
    await Promise.all([worker.end('SIGKILL'), api.end('SIGKILL')]);
    api = await startApi();
    await startWorker();
    await untilShown(key, 'completed');
    await report('API and worker, during the call', key);
  });
});
