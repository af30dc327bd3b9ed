/** Requests with a start time: Temporal holds them back, and no call is made before (`reqrun.run_at`). */
import { describe, expect, it } from 'vitest';
import {
  act,
  errorOf,
  get,
  post,
  readRecord,
  recordIn,
  remove,
  unique,
  untilRecord,
} from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();

const HOUR_SECONDS = 3_600;
/** Between the API's clock, by which the delay is counted, and the start at Temporal. One try takes 2 s at most. */
const START_MS = 5_000;
const terminal = ({ terminal }: { terminal: boolean }): boolean => terminal;
const msOf = (time: string | null | undefined): number => Date.parse(time ?? '');

describe('a request with a start time', () => {
  it('is called for at that time and not before, and its deadline counts from then', async () => {
    const key = unique('later');
    const reqrun = { run_at: 2.5, deadline_seconds: 60 };
    const answer = await post(url, { model: key, idempotency_key: key, wait: 30, reqrun });
    expect(answer.status).toBe(200);
    const record = await readRecord(url, key);
    const runAtMs = msOf(record.options.run_at);
    expect(upstream.hits(key)).toHaveLength(1);
    expect(upstream.hits(key)[0]?.atMs).toBeGreaterThanOrEqual(runAtMs);
    expect(runAtMs - msOf(record.created_at)).toBeLessThanOrEqual(2_500);
    const lateMs = msOf(record.deadline_at) - runAtMs - 60_000;
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(START_MS);
    expect(record).toMatchObject({ status: 'completed', attempts: 1, waiting_for: null });
    expect(upstream.hits(key)[0]?.body).not.toContain('run_at');
  });

  it('ends by its deadline, which the start delay does not shorten', async () => {
    const key = unique('deadline');
    upstream.script(key, { stall: 'headers' });
    const reqrun = { run_at: 2, deadline_seconds: 2 };
    const answer = await post(url, { model: key, idempotency_key: key, wait: 30, reqrun });
    expect([answer.status, errorOf(answer).code]).toEqual([504, 'deadline_exceeded']);
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'failed', attempts: 1, error: { reason: 'deadline_exceeded' } });
    const [called] = upstream.hits(key);
    expect(called?.atMs).toBeGreaterThanOrEqual(msOf(record.options.run_at));
    expect(msOf(record.completed_at)).toBeGreaterThanOrEqual(msOf(record.options.run_at) + 2_000);
  });

  it('shows what it waits for and until when, with a Retry-After of a minute at most', async () => {
    const key = unique('waiting');
    const runAt = new Date(Date.now() + HOUR_SECONDS * 1000);
    const local = new Date(runAt.getTime() + 2 * HOUR_SECONDS * 1000).toISOString().replace('Z', '+02:00');
    const answer = await post(url, { model: key, idempotency_key: key, reqrun: { run_at: local } });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([202, '60']);
    const waiting = { status: 'queued', attempts: 0, next_attempt_at: runAt.toISOString() };
    expect(JSON.parse(answer.text)).toMatchObject(waiting);
    const shown = { ...waiting, waiting_for: 'start_time', options: { run_at: runAt.toISOString() } };
    const read = await get(url, `/v1/requests/${key}`);
    expect([recordIn(read), read.headers.get('retry-after')]).toEqual([
      expect.objectContaining(waiting),
      '60',
    ]);
    expect(recordIn(read)).toMatchObject(shown);
    // A wait that ends before the start time shows the same.
    expect(await readRecord(url, key, '?wait=1')).toMatchObject(shown);
    await act(url, key, 'cancel');
  });

  it('joins a later call with its key, whose own start time is not used', async () => {
    const key = unique('same');
    const fields = { model: key, idempotency_key: key };
    await post(url, { ...fields, reqrun: { run_at: HOUR_SECONDS } });
    const before = await readRecord(url, key);
    const again = await post(url, { ...fields, reqrun: { run_at: 0 } });
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    const other = await post(url, { ...fields, seed: 1 });
    expect([other.status, errorOf(other).code]).toEqual([422, 'idempotency_key_reused']);
    expect(await readRecord(url, key)).toEqual(before);
    expect(upstream.hits(key)).toHaveLength(0);
    await act(url, key, 'cancel');
  });

  it.each<[string, string | number | null]>([
    ['0 seconds from now', 0],
    ['a time in the past', '2020-01-01T00:00:00Z'],
    ['null', null],
  ])('begins at once with %s', async (_what, run_at) => {
    const key = unique('now');
    const answer = await post(url, { model: key, idempotency_key: key, wait: 20, reqrun: { run_at } });
    expect(answer.status).toBe(200);
    expect((await readRecord(url, key)).options.run_at).toBe(null);
  });
});

describe('cancelling a request before its start time', () => {
  it('ends it at once and answers a held caller; then it can be deleted', async () => {
    const key = unique('cancelled');
    const reqrun = { run_at: HOUR_SECONDS };
    const held = post(url, { model: key, idempotency_key: key, wait: 120, reqrun });
    await until(
      () => get(url, `/v1/requests/${key}`),
      ({ status }) => status === 200,
    );
    expect((await act(url, key, 'cancel')).status).toBe(202);
    const answer = await held;
    expect([answer.status, errorOf(answer).code]).toEqual([409, 'request_cancelled']);
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'cancelled', attempts: 0, attempt_log: [], waiting_for: null });
    expect(msOf(record.completed_at)).toBeLessThan(msOf(record.options.run_at));
    expect((await act(url, key, 'cancel')).status).toBe(200);
    expect((await remove(url, key)).status).toBe(200);
    expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
    expect(upstream.hits(key)).toHaveLength(0);
  });

  it('answers a held caller also where the worker is elsewhere', async () => {
    const apart = await startDeployment({ upstreamURL: upstream.baseURL, together: false });
    const key = unique('apart');
    const reqrun = { run_at: HOUR_SECONDS };
    const held = post(apart.url, { model: key, idempotency_key: key, wait: 120, reqrun });
    await until(
      () => get(apart.url, `/v1/requests/${key}`),
      ({ status }) => status === 200,
    );
    await act(apart.url, key, 'cancel');
    expect((await held).status).toBe(409);
    expect(await readRecord(apart.url, key)).toMatchObject({ status: 'cancelled', attempts: 0 });
    await apart.stop();
  });

  it('leaves a request that a retry by hand runs at once, without a start delay', async () => {
    const key = unique('retried');
    const reqrun = { run_at: HOUR_SECONDS, deadline_seconds: 600 };
    await post(url, { model: key, idempotency_key: key, reqrun });
    await act(url, key, 'cancel');
    await untilRecord(url, key, terminal);
    const refused = await act(url, key, 'retry', { reqrun: { run_at: 5 } });
    expect([refused.status, errorOf(refused).code, errorOf(refused).param]).toEqual([
      400,
      'unknown_field',
      'reqrun.run_at',
    ]);
    expect((await act(url, key, 'retry')).status).toBe(202);
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'completed', run: 2, attempts: 1, options: { run_at: null } });
    const { startTime } = await deployment.client.workflow.getHandle(key).describe();
    expect(msOf(record.deadline_at)).toBe(startTime.getTime() + 600_000);
  });
});

describe('while no worker is up', () => {
  it('a request waits for its start time, then for a worker, and ends by its deadline', async () => {
    const alone = await startDeployment({ upstreamURL: upstream.baseURL, together: false, worker: false });
    const key = unique('nobody');
    const reqrun = { run_at: 3, deadline_seconds: 3 };
    await post(alone.url, { model: key, idempotency_key: key, reqrun });
    const waits = (what: string) => untilRecord(alone.url, key, ({ waiting_for }) => waiting_for === what);
    expect(await waits('start_time')).toMatchObject({ status: 'queued' });
    expect(await waits('worker')).toMatchObject({ status: 'queued', next_attempt_at: null });
    const record = await untilRecord(alone.url, key, terminal, 30_000);
    expect(record).toMatchObject({ status: 'failed', attempts: 0, error: { code: 'deadline_exceeded' } });
    expect(msOf(record.completed_at)).toBeGreaterThanOrEqual(msOf(record.deadline_at));
    expect(msOf(record.deadline_at)).toBeGreaterThanOrEqual(msOf(record.options.run_at) + 3_000);
    await alone.stop();
  });

  it('a cancellation is accepted, and the first worker carries it out without a call', async () => {
    const alone = await startDeployment({ upstreamURL: upstream.baseURL, together: false, worker: false });
    const key = unique('later-worker');
    await post(alone.url, { model: key, idempotency_key: key, reqrun: { run_at: HOUR_SECONDS } });
    const answer = recordIn(await act(alone.url, key, 'cancel'));
    expect(answer).toMatchObject({ status: 'queued', cancel_requested: true, waiting_for: 'worker' });
    await alone.startWorker();
    expect(await untilRecord(alone.url, key, terminal)).toMatchObject({ status: 'cancelled', attempts: 0 });
    expect(upstream.hits(key)).toHaveLength(0);
    await alone.stop();
  });
});

describe('a start time that is refused', () => {
  it.each<[unknown, string]>([
    [-1, 'invalid_value'],
    [2_592_001, 'invalid_value'],
    ['', 'invalid_value'],
    ['soon', 'invalid_value'],
    ['60', 'invalid_value'],
    ['2026-11-26', 'invalid_value'],
    ['2026-11-26T10:00:00', 'invalid_value'],
    ['2026-02-30T10:00:00Z', 'invalid_value'],
    ['2026-11-26 10:00:00Z', 'invalid_value'],
    ['2026-11-26T10:00:00+0100', 'invalid_value'],
    ['9999-12-31T23:59:59Z', 'invalid_value'],
    [true, 'invalid_type'],
    [{ seconds: 5 }, 'invalid_type'],
    [[5], 'invalid_type'],
  ])('is %j, and the key stays unused', async (run_at, code) => {
    const key = unique('refused');
    const answer = await post(url, { model: key, idempotency_key: key, reqrun: { run_at } });
    const { code: shown, param } = errorOf(answer);
    expect([answer.status, shown, param]).toEqual([400, code, 'reqrun.run_at']);
    expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
  });
});
