/** Machines whose clocks disagree by hours: nothing may end early, wait for ever or run twice by it (row 25). */
import { fileURLToPath } from 'node:url';
import { expect, inject, it } from 'vitest';
import { get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';

const HOUR_MS = 3_600_000;
const PRELOAD = fileURLToPath(new URL('../support/shifted-clock.mjs', import.meta.url));

it.each([
  ['the API two hours ahead, the worker two behind', 2 * HOUR_MS, -2 * HOUR_MS],
  ['the API two hours behind, the worker two ahead', -2 * HOUR_MS, 2 * HOUR_MS],
])('completes and retries requests with %s', async (_what, apiShiftMs, workerShiftMs) => {
  const upstream = await startScriptedUpstream();
  const queue = unique('clocks');
  const start = async (entry: string, shiftMs: number): Promise<RunningProcess> => {
    const running = runEntryFile(entry, {
      PORT: '0',
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      REQRUN_TASK_QUEUE: queue,
      OPENAI_BASE_URL: upstream.baseURL,
      NODE_OPTIONS: `--import=${PRELOAD}`,
      CLOCK_SHIFT_MS: String(shiftMs),
    });
    await running.untilOutput('"ready"');
    return running;
  };
  const [api, worker] = [await start('src/api.ts', apiShiftMs), await start('src/worker.ts', workerShiftMs)];
  const url = /"api":"([^"]+)"/.exec(api.output())?.[1] ?? '';

  const [plain, again, late] = [unique('plain'), unique('again'), unique('late')];
  upstream.script(again, { answer: 429, headers: { 'retry-after': '1' } }, ok());
  upstream.script(late, { stall: 'headers' });
  const timed = unique('timed');
  const postedMs = Date.now();
  const answers = await Promise.all([
    post(url, { model: plain, idempotency_key: plain, wait: 20 }),
    post(url, { model: again, idempotency_key: again, wait: 20 }),
    post(url, { model: late, idempotency_key: late, wait: 20, reqrun: { deadline_seconds: 3 } }),
    post(url, {
      model: timed,
      idempotency_key: timed,
      wait: 30,
      reqrun: { run_at: 2, deadline_seconds: 20 },
    }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 504, 200]);
  expect(upstream.hits(timed)[0]?.atMs).toBeGreaterThanOrEqual(postedMs + 2_000);
  expect([plain, again, late].map((key) => upstream.hits(key).length)).toEqual([1, 2, 1]);
  const [first, second] = upstream.hits(again).map(({ atMs }) => atMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(1_000);
  const record = await untilRecord(url, late, ({ terminal }) => terminal);
  expect(record).toMatchObject({ attempts: 1, unknown_attempts: 1 });
  expect((await readRecord(url, again)).attempt_log.map(({ number }) => number)).toEqual([1, 2]);
  for (const key of [plain, again]) {
    const replayed = await post(url, { model: key, idempotency_key: key });
    expect([replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    const { status } = await get(url, `/v1/requests/${key}?wait=1`);
    expect(status).toBe(200);
  }
  await Promise.all([api.end('SIGTERM'), worker.end('SIGTERM')]);
  await upstream.close();
});
