/** A stream of the typed client through kill -9 of the API process, of the worker and of Redis, in mid-stream. */
import { randomUUID } from 'node:crypto';
import { afterAll, expect, inject, it } from 'vitest';
import { ReqRun, StreamSupersededError } from '../../src/client/index.ts';
import { readRecord, unique, untilRecord } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { untilLive } from '../support/live-streams.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';
import { chatStream, chunk, ending, opening } from '../support/stream-steps.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const upstream = await startScriptedUpstream();
const redis = await startRedisServer();
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const place = {
  temporalAddress: inject('temporalAddress'),
  taskQueue: `stream-kills-${randomUUID()}`,
  upstreamURL: upstream.baseURL,
};
const streams = { REQRUN_STREAM_URL: redis.url, REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2' };
let api = await startApi();
let worker = await startWorker();
await untilLive(upstream, url);
afterAll(async () => {
  await api.end('SIGTERM');
  await worker.end('SIGTERM');
  await redis.close();
  await upstream.close();
});

async function startApi(): Promise<RunningProcess> {
  const started = runEntryFile('src/api.ts', {
    PORT: String(port),
    TEMPORAL_ADDRESS: place.temporalAddress,
    REQRUN_TASK_QUEUE: place.taskQueue,
    ...streams,
  });
  await started.untilOutput('"ready"');
  return started;
}

function startWorker(): Promise<RunningProcess> {
  return startWorkerProcess({ ...place, env: { ...streams, REQRUN_SHUTDOWN_GRACE_SECONDS: '1' } });
}

const reqrun = new ReqRun({ baseURL: `${url}/v1` });
const TEXTS = ['One ', 'two ', 'three.'];

/** Scripts a stream that waits after its first text. */
function scriptInTwo(key: string, ...next: Parameters<typeof upstream.script>[1][]): () => void {
  const goOn = Promise.withResolvers<void>();
  const [first = '', ...others] = TEXTS;
  const rest = others.map((content) => chunk({ content }));
  upstream.script(
    key,
    { stream: [...opening(first), { until: goOn.promise }, ...rest, ...ending()] },
    ...next,
  );
  return goOn.resolve;
}

/** Reads a stream, and does something to the service after the first text. Collects the texts as they come. */
async function read(key: string, texts: string[], onFirst: () => Promise<unknown>): Promise<void> {
  const stream = await reqrun.chat.completions.create({
    model: key,
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    idempotency_key: key,
  });
  for await (const { choices } of stream) {
    const text = choices[0]?.delta.content ?? '';
    if (text === '') continue;
    texts.push(text);
    if (texts.length === 1) await onFirst();
  }
}

it('gives each delta once, when the API process is killed and started again', async () => {
  const key = unique('api');
  const goOn = scriptInTwo(key);
  const texts: string[] = [];
  await read(key, texts, async () => {
    await api.end('SIGKILL');
    api = await startApi();
    goOn();
  });
  expect(texts).toEqual(TEXTS);
  expect(await readRecord(url, key)).toMatchObject({ status: 'completed', attempts: 1 });
  expect(upstream.hits(key)).toHaveLength(1);
});

it('gives each delta once, when Redis is killed and stays away', async () => {
  const key = unique('redis');
  const goOn = scriptInTwo(key);
  const texts: string[] = [];
  await read(key, texts, async () => {
    await redis.kill();
    goOn();
  });
  await redis.start();
  expect(texts).toEqual(TEXTS);
  expect(upstream.hits(key)).toHaveLength(1);
});

it('is void when the worker is killed, and the same call gives the next attempt', async () => {
  const key = unique('worker');
  await untilLive(upstream, url);
  scriptInTwo(key, { stream: chatStream('good') });
  const seen: string[] = [];
  const reading = read(key, seen, async () => {
    await worker.end('SIGKILL');
    worker = await startWorker();
  });
  await expect(reading).rejects.toBeInstanceOf(StreamSupersededError);
  expect(seen).toEqual(TEXTS.slice(0, 1));
  const again: string[] = [];
  await read(key, again, async () => undefined);
  expect(again).toEqual(['good']);
  expect(await untilRecord(url, key, ({ terminal }) => terminal)).toMatchObject({
    status: 'completed',
    attempts: 2,
    possible_duplicate: true,
    result: { choices: [{ message: { content: 'good' } }] },
  });
  expect(upstream.hits(key)).toHaveLength(2);
});
