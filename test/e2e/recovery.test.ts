import { afterAll, describe, expect, it } from 'vitest';
import { post, readRecord, unique, untilRecord } from '../support/api.ts';
import { createEmbeddedService } from '../support/embedded-service.ts';
import { freePort } from '../support/free-port.ts';
import { killTree } from '../support/process-tree.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

/** 200 in `npm run test:faults`, where the time it takes is held against the promise of 3 s. */
const IN_FLIGHT = 60;

const upstream = await startScriptedUpstream();
const service = await createEmbeddedService({
  OPENAI_BASE_URL: upstream.baseURL,
  // No heartbeat timeout can be what brings the calls back.
  REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '3600',
});
const { url } = service;
let running: RunningProcess;
const others: RunningProcess[] = [];
afterAll(async () => {
  for (const other of others) await other.end('SIGTERM');
  await service.remove();
  await upstream.close();
});

describe('after kill -9 of everything that npm start runs', () => {
  it(`makes ${IN_FLIGHT} interrupted calls again at once, and records each as an unknown outcome`, async () => {
    const model = unique('interrupted');
    const once = unique('at-most-once');
    upstream.script(model, ...Array.from({ length: IN_FLIGHT }, () => ({ stall: 'headers' }) as const), ok());
    upstream.script(once, { stall: 'headers' }, ok());
    running = await service.start();
    const keys = Array.from({ length: IN_FLIGHT }, (_, n) => `${model}-${n}`);
    await Promise.all(keys.map((key) => post(url, { model, idempotency_key: key })));
    await post(url, { model: once, idempotency_key: once, reqrun: { on_unknown_outcome: 'fail' } });
    await upstream.untilHits(model, IN_FLIGHT);
    await upstream.untilHits(once, 1);
    await killTree(running.child.pid ?? 0);

    running = await service.start();
    const readyMs = performance.now();
    await upstream.untilHits(model, 2 * IN_FLIGHT);
    const recoveredMs = performance.now() - readyMs;
    process.stdout.write(`${IN_FLIGHT} calls made again ${Math.round(recoveredMs)} ms after ready\n`);
    for (const key of keys) {
      expect(await untilRecord(url, key, ({ terminal }) => terminal)).toMatchObject({
        status: 'completed',
        attempts: 2,
        unknown_attempts: 1,
        possible_duplicate: true,
      });
    }
    expect(upstream.hits(model)).toHaveLength(2 * IN_FLIGHT);
    expect(await untilRecord(url, once, ({ terminal }) => terminal)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { code: 'outcome_unknown' },
    });
    expect(upstream.hits(once)).toHaveLength(1);
  });

  it('makes the call of a request that waits for its start time once, and not before that time', async () => {
    const key = unique('start-time');
    await post(url, { model: key, idempotency_key: key, reqrun: { run_at: 4 } });
    await killTree(running.child.pid ?? 0);

    running = await service.start();
    const record = await untilRecord(url, key, ({ terminal }) => terminal);
    expect(record).toMatchObject({ status: 'completed', attempts: 1, unknown_attempts: 0 });
    expect(upstream.hits(key)).toHaveLength(1);
    expect(upstream.hits(key)[0]?.atMs).toBeGreaterThanOrEqual(Date.parse(record.options.run_at ?? ''));
  });

  it("leaves other workers' calls alone: only the directory's own predecessors are proven dead", async () => {
    await running.end('SIGTERM');
    const lonely = unique('elsewhere');
    upstream.script(lonely, ok('elsewhere', 6_000), ok('again'));
    running = await service.start();
    const queue = {
      REQRUN_TASK_QUEUE: 'another',
      TEMPORAL_ADDRESS: service.temporalAddress,
    };
    const worker = runEntryFile('src/worker.ts', { ...queue, OPENAI_BASE_URL: upstream.baseURL });
    const api = runEntryFile('src/api.ts', { ...queue, PORT: String(await freePort()) });
    others.push(worker, api);
    await Promise.all([worker.untilOutput('"ready"'), api.untilOutput('"ready"')]);
    const apiUrl = /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '';
    await post(apiUrl, { model: lonely, idempotency_key: lonely });
    await upstream.untilHits(lonely, 1);
    // Node alone: its Temporal server is stopped with it, the other worker lives on.
    await running.end('SIGKILL');
    running = await service.start();
    await until(
      () => readRecord(url, lonely).catch(() => null),
      (record) => record?.terminal === true,
      30_000,
    );
    expect(await readRecord(url, lonely)).toMatchObject({
      status: 'completed',
      attempts: 1,
      unknown_attempts: 0,
    });
    expect(upstream.hits(lonely)).toHaveLength(1);
  });
});
