/** Rows 10 and 26: workers that are away for long, and callers that leave or never finish their sentence. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { post, readRecord, unique, untilRecord } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { startLeavingCaller } from '../support/leaving-caller.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';

const BACKLOG = Number(process.env['BACKLOG'] ?? '') || 2_000;
const LEAVERS = Number(process.env['LEAVERS'] ?? '') || 1_000;
const AT_ONCE = 20;
/** What a caller has to send its whole request, and a second for a busy machine. */
const RECEIVED_WITHIN_MS = 31_000;

async function inTurns(count: number, one: (index: number) => Promise<void>): Promise<void> {
  const left = Array.from({ length: count }, (_, index) => index).values();
  const worker = async (): Promise<void> => {
    for (const index of left) await one(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

it(`row 10: keeps a backlog of ${BACKLOG} without a worker, and makes each call once with one`, async () => {
  const upstream = await startScriptedUpstream();
  const deployment = await startDeployment({ upstreamURL: upstream.baseURL, together: false, worker: false });
  const keys = Array.from({ length: BACKLOG }, () => unique('backlog'));
  await inTurns(BACKLOG, async (index) => {
    const key = keys[index] ?? '';
    const { status } = await post(deployment.url, { model: key, idempotency_key: key });
    expect(status).toBe(202);
  });
  expect(await readRecord(deployment.url, keys[0] ?? '')).toMatchObject({ status: 'queued', attempts: 0 });
  const startedMs = performance.now();
  await deployment.startWorker();
  for (const key of keys)
    await untilRecord(deployment.url, key, ({ status }) => status === 'completed', 300_000);
  const seconds = (performance.now() - startedMs) / 1_000;
  process.stdout.write(`${BACKLOG} queued requests drained in ${Math.round(seconds)} s\n`);
  expect(keys.filter((key) => upstream.hits(key).length !== 1)).toEqual([]);
  await deployment.stop();
  await upstream.close();
});

it(`row 26: completes ${LEAVERS} requests whose callers disconnected, with one call each (G15)`, async () => {
  const upstream = await startScriptedUpstream();
  const deployment = await startDeployment({ upstreamURL: upstream.baseURL });
  const keys = Array.from({ length: LEAVERS }, () => unique('left'));
  await inTurns(LEAVERS, async (index) => {
    const key = keys[index] ?? '';
    const released = Promise.withResolvers<void>();
    upstream.script(key, { ...ok('all the same'), after: released.promise });
    const caller = startLeavingCaller(deployment.url, { model: key, idempotency_key: key, wait: 30 });
    await upstream.untilHits(key, 1);
    await caller.leave();
    released.resolve();
  });
  for (const key of keys) await untilRecord(deployment.url, key, ({ terminal }) => terminal, 60_000);
  expect(keys.filter((key) => upstream.hits(key).length !== 1)).toEqual([]);
  await deployment.stop();
  await upstream.close();
});

it('row 26: lets go of callers that never finish sending, and says so', async () => {
  const upstream = await startScriptedUpstream();
  const deployment = await startDeployment({ upstreamURL: upstream.baseURL, worker: false, together: false });
  const { hostname, port } = new URL(deployment.url);
  const head =
    'POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n';
  const unfinished = ['POST /v1/chat', `${head}`, `${head}\r\n{"model":`];
  const answers = await Promise.all(
    unfinished.map(async (said) => {
      const socket = connect(Number(port), hostname);
      let heard = '';
      socket.on('data', (chunk) => (heard += String(chunk)));
      socket.write(said);
      const startedMs = performance.now();
      await once(socket, 'close');
      return { heard, tookMs: performance.now() - startedMs };
    }),
  );
  for (const { heard, tookMs } of answers) {
    expect(heard).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request_timeout"/);
    expect(tookMs).toBeLessThan(RECEIVED_WITHIN_MS);
  }
  await deployment.stop();
  await upstream.close();
});
