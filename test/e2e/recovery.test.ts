import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { post, readRecord, unique, untilRecord } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { killTree } from '../support/process-tree.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { ok, startScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

/** 200 in `npm run test:faults`, where the time it takes is held against the promise of 3 s. */
const IN_FLIGHT = 60;

let upstream: ScriptedUpstream;
let dataDir: string;
let env: Record<string, string>;
const running: RunningProcess[] = [];
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  dataDir = await mkdtemp(join(tmpdir(), 'reqrun-recovery-'));
  env = {
    PORT: String(await freePort()),
    REQRUN_DATA_DIR: dataDir,
    REQRUN_TEMPORAL_PORT: String(await freePort()),
    REQRUN_TEMPORAL_UI_PORT: String(await freePort()),
    OPENAI_BASE_URL: upstream.baseURL,
    // No heartbeat timeout can be what brings the calls back.
    REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '3600',
  };
});
afterAll(async () => {
  for (const service of running) await service.end('SIGTERM');
  await upstream.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** What `npm start` runs, on the embedded server. */
async function start(): Promise<{ service: RunningProcess; url: string }> {
  const service = runEntryFile('src/main.ts', env);
  running.push(service);
  await service.untilOutput('is ready', 60_000);
  return { service, url: `http://127.0.0.1:${env['PORT']}` };
}

describe('after kill -9 of everything that npm start runs', () => {
  it(`makes ${IN_FLIGHT} interrupted calls again at once, and records each as an unknown outcome`, async () => {
    const model = unique('interrupted');
    const once = unique('at-most-once');
    upstream.script(model, ...Array.from({ length: IN_FLIGHT }, () => ({ stall: 'headers' }) as const), ok());
    upstream.script(once, { stall: 'headers' }, ok());
    const first = await start();
    const keys = Array.from({ length: IN_FLIGHT }, (_, n) => `${model}-${n}`);
    await Promise.all(keys.map((key) => post(first.url, { model, idempotency_key: key })));
    await post(first.url, { model: once, idempotency_key: once, reqrun: { on_unknown_outcome: 'fail' } });
    await upstream.untilHits(model, IN_FLIGHT);
    await upstream.untilHits(once, 1);
    await killTree(first.service.child.pid ?? 0);

    const second = await start();
    const readyMs = performance.now();
    await upstream.untilHits(model, 2 * IN_FLIGHT);
    const recoveredMs = performance.now() - readyMs;
    process.stdout.write(`${IN_FLIGHT} calls made again ${Math.round(recoveredMs)} ms after ready\n`);
    for (const key of keys) {
      expect(await untilRecord(second.url, key, ({ terminal }) => terminal)).toMatchObject({
        status: 'completed',
        attempts: 2,
        unknown_attempts: 1,
        possible_duplicate: true,
      });
    }
    expect(upstream.hits(model)).toHaveLength(2 * IN_FLIGHT);
    expect(await untilRecord(second.url, once, ({ terminal }) => terminal)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { code: 'outcome_unknown' },
    });
    expect(upstream.hits(once)).toHaveLength(1);
  });

  it("leaves other workers' calls alone: only the directory's own predecessors are proven dead", async () => {
    const service = running.at(-1);
    if (service === undefined) throw new Error('nothing runs');
    await service.end('SIGTERM');
    const lonely = unique('elsewhere');
    upstream.script(lonely, ok('elsewhere', 6_000), ok('again'));
    const again = await start();
    const queue = {
      REQRUN_TASK_QUEUE: 'another',
      TEMPORAL_ADDRESS: `127.0.0.1:${env['REQRUN_TEMPORAL_PORT']}`,
    };
    const worker = runEntryFile('src/worker.ts', { ...queue, OPENAI_BASE_URL: upstream.baseURL });
    const api = runEntryFile('src/api.ts', { ...queue, PORT: String(await freePort()) });
    running.push(worker, api);
    await Promise.all([worker.untilOutput('"ready"'), api.untilOutput('"ready"')]);
    const apiUrl = /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '';
    await post(apiUrl, { model: lonely, idempotency_key: lonely });
    await upstream.untilHits(lonely, 1);
    // Node alone: its Temporal server is stopped with it, the other worker lives on.
    await again.service.end('SIGKILL');
    const { url } = await start();
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
