/**
 * Streams through kill -9 of the worker, the API and Redis: callers join again until their stream has ended, and all
 * that any of them saw is compared with the stored results.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { readRecord, unique } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { openStream } from '../support/read-stream.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';
import {
  errorOfStream,
  faultsOfStreams,
  isFinished,
  type SeenConnection,
} from '../support/stream-checker.ts';
import { chatStreamOf, responseStreamOf } from '../support/stream-steps.ts';
import { until } from '../support/until.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** Half are chat completions, half Responses. */
const CALLERS = 24;
const WORDS = 60;
const WORD_MS = 60;
/** Each kill may cost every stream an attempt. */
const MOST_ATTEMPTS = 12;

const upstream = await startScriptedUpstream();
const redis = await startRedisServer();
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const place = {
  temporalAddress: inject('temporalAddress'),
  taskQueue: `streams-${randomUUID()}`,
  upstreamURL: upstream.baseURL,
};
let api = await startApi();
let worker = await startWorker();
afterAll(async () => {
  await Promise.all([api.end('SIGKILL'), worker.end('SIGKILL')]);
  await redis.close();
  await upstream.close();
});

async function startApi(): Promise<RunningProcess> {
  const started = runEntryFile('src/api.ts', {
    PORT: String(port),
    TEMPORAL_ADDRESS: place.temporalAddress,
    REQRUN_TASK_QUEUE: place.taskQueue,
    REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2',
    REQRUN_STREAM_URL: redis.url,
  });
  await started.untilOutput('"ready"');
  return started;
}

function startWorker(): Promise<RunningProcess> {
  return startWorkerProcess({
    ...place,
    env: { REQRUN_SHUTDOWN_GRACE_SECONDS: '1', REQRUN_STREAM_URL: redis.url },
  });
}

/** The words of the n-th call. */
function wordsOf(call: number): string[] {
  return Array.from({ length: WORDS }, (_, index) => `${call}.${index} `);
}

const seen: SeenConnection[] = [];
let broken = 0;

/** Reads a stream to its end, with as many connections as that takes. */
async function follow(key: string, kind: SeenConnection['kind']): Promise<void> {
  const [path, body] =
    kind === 'chat'
      ? ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }]
      : ['/v1/responses', { input: 'hi' }];
  for (;;) {
    const events: unknown[] = [];
    try {
      const stream = await openStream(url, path, { model: key, idempotency_key: key, ...body });
      if (stream.status === 200) {
        await stream.each((event) => void events.push(event)).catch(() => undefined);
        const one = { key, kind, events };
        seen.push(one);
        if (isFinished(one)) return;
        broken += 1;
      } else await stream.leave();
    } catch {
      // The API is away.
    }
    await sleep(200);
  }
}

const Stored = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).optional(),
  output: z.array(z.object({ content: z.array(z.object({ text: z.string() })) })).optional(),
});

it('no stream mixes attempts, repeats or leaves out a delta, or ends before its result is stored', async () => {
  const keys = Array.from({ length: CALLERS }, (_, index) => ({
    key: unique(`stream-${index}`),
    kind: index % 2 === 0 ? ('chat' as const) : ('response' as const),
  }));
  for (const { key, kind } of keys) {
    const steps = Array.from({ length: MOST_ATTEMPTS }, (_, call) => {
      const pieces = wordsOf(call + 1);
      return { stream: (kind === 'chat' ? chatStreamOf : responseStreamOf)(pieces, { ms: WORD_MS }) };
    });
    upstream.script(key, ...steps);
  }
  const followed = Promise.all(keys.map(({ key, kind }) => follow(key, kind)));
  const untilCalls = async (calls: number): Promise<unknown> =>
    until(
      () => upstream.calls(),
      (count) => count >= calls,
      60_000,
    );

  await untilCalls(CALLERS);
  await sleep(1_000);
  await redis.kill();
  await sleep(500);
  await redis.start();
  await worker.end('SIGKILL');
  worker = await startWorker();
  await untilCalls(CALLERS + CALLERS / 2);
  await sleep(1_000);
  await api.end('SIGKILL');
  api = await startApi();
  await sleep(1_000);
  await Promise.all([worker.end('SIGKILL'), api.end('SIGKILL'), redis.kill()]);
  await redis.start();
  [worker, api] = await Promise.all([startWorker(), startApi()]);
  await followed;

  const texts = new Map<string, string>();
  for (const { key } of keys) {
    const record = await readRecord(url, key);
    expect(record.status).toBe('completed');
    expect(upstream.hits(key).length).toBeLessThanOrEqual(record.attempts);
    const { choices, output } = Stored.parse(record.result);
    texts.set(key, choices?.[0]?.message.content ?? output?.[0]?.content[0]?.text ?? '');
  }
  expect(faultsOfStreams(seen, (key) => texts.get(key) ?? null)).toEqual([]);
  const interrupted = seen.filter((one) => errorOfStream(one) === 'stream_interrupted').length;
  process.stdout.write(
    `${CALLERS} callers, ${seen.length} connections, ${broken} without an end, ${interrupted} of them interrupted\n`,
  );
  expect(broken).toBeGreaterThanOrEqual(CALLERS);
}, 180_000);
