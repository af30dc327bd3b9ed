/** A crowd that waits for its turn survives kill -9 of everything: it loses neither its place nor the truth. */
import { afterAll, expect, it } from 'vitest';
import { post, readRecord, unique, untilRecord } from '../support/api.ts';
import { createEmbeddedService } from '../support/embedded-service.ts';
import { startLimitedUpstream } from '../support/limited-upstream/limited-upstream.ts';
import { killTree } from '../support/process-tree.ts';
import { until } from '../support/until.ts';

const CROWD = 40;

const upstream = await startLimitedUpstream();
const service = await createEmbeddedService({
  OPENAI_BASE_URL: upstream.baseURL,
  // No heartbeat timeout can be what brings the calls back.
  REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '3600',
});
const { url } = service;
afterAll(async () => {
  await service.remove();
  await upstream.close();
});

it('completes every request after kill -9, and counts no attempt that made no call', async () => {
  const model = unique('crowd');
  upstream.limit(model, { requests: { perMinute: 180, capacity: 5 }, callMs: 100 });
  const running = await service.start();
  const keys = Array.from({ length: CROWD }, (_, nth) => `${model}-${nth}`);
  await Promise.all(keys.map((key) => post(url, { model, user: key, idempotency_key: key })));
  await until(
    () => upstream.counts(model).answered,
    (answered) => answered >= 8,
  );
  const records = await Promise.all(keys.map((key) => readRecord(url, key)));
  // Those that were sent back: Temporal has it that they have made no call.
  const waiting = records.filter(
    ({ waiting_for, next_attempt_at }) => waiting_for === 'pacing' && next_attempt_at,
  );
  await killTree(running.child.pid ?? 0);
  expect(waiting.length).toBeGreaterThan(0);

  await service.start();
  const after = await Promise.all(
    keys.map((key) => untilRecord(url, key, ({ terminal }) => terminal, 60_000)),
  );
  expect(after.map(({ status }) => status)).toEqual(keys.map(() => 'completed'));
  const callsOf = (key: string): number => upstream.calls(model).filter(({ user }) => user === key).length;
  for (const { id } of waiting) {
    expect((await readRecord(url, id)).attempts).toBe(callsOf(id));
  }
  // An attempt that was in flight at the kill, and left nothing behind, may not have called.
  for (const { id, attempts } of after) expect(attempts).toBeGreaterThanOrEqual(callsOf(id));
});
