/** A crowd at an upstream with rate limits: it waits its turn, and its record says so. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestRecord } from '../../src/domain/record.ts';
import { LaneList } from '../../src/http/routes/health.ts';
import { act, get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { type Deployment, startDeployment } from '../support/deployment.ts';
import { type LimitedUpstream, startLimitedUpstream } from '../support/limited-upstream/limited-upstream.ts';
import { until } from '../support/until.ts';

let upstream: LimitedUpstream;
let deployment: Deployment;
let url: string;
beforeAll(async () => {
  upstream = await startLimitedUpstream();
  deployment = await startDeployment({ upstreamURL: upstream.baseURL });
  ({ url } = deployment);
});
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
});

/** Nine seconds for each call after the first, and its headers say so. */
const SLOW = { requests: { perMinute: 6, capacity: 1 }, callMs: 10 };

/** A lane whose limit is used up: one call was answered, one was refused and waits for a retry. */
async function exhaust(model: string): Promise<void> {
  upstream.limit(model, SLOW);
  const first = await post(url, { model, wait: 30 });
  expect(first.status).toBe(200);
  await post(url, { model });
  await until(
    async () => {
      const { data } = LaneList.parse(JSON.parse((await get(url, '/v1/lanes')).text));
      return data.find((lane) => lane.model === model);
    },
    (lane) => lane !== undefined && lane.waiting > 0,
  );
}

async function accept(model: string, fields: object = {}): Promise<string> {
  const key = unique('waits');
  const { status } = await post(url, { model, idempotency_key: key, ...fields });
  expect(status).toBe(202);
  return key;
}

const isPaced = ({ waiting_for }: RequestRecord): boolean => waiting_for === 'pacing';

describe('a crowd', () => {
  it.each([
    ['headers', 'bucket'],
    ['nothing reported', 'none'],
  ] as const)(
    'completes, with %s, and every record counts the calls that the upstream received',
    async (_, headers) => {
      const model = unique('crowd');
      upstream.limit(model, { requests: { perMinute: 600, capacity: 10 }, headers, callMs: 50 });
      const keys = Array.from({ length: 60 }, (_one, nth) => `${model}-${nth}`);
      await Promise.all(keys.map((key) => post(url, { model, idempotency_key: key })));
      const records = await Promise.all(keys.map((key) => untilRecord(url, key, ({ terminal }) => terminal)));
      expect(records.map(({ status }) => status)).toEqual(keys.map(() => 'completed'));
      const { received, answered } = upstream.counts(model);
      expect(answered).toBe(60);
      // The attempts of the records are the calls that the upstream received, no more and no less.
      expect(records.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(received);
      expect(records.filter(({ unknown_attempts }) => unknown_attempts > 0)).toEqual([]);
    },
  );
});

describe('a request that waits for its turn', () => {
  it('is queued with 0 attempts, and says what it waits for, why and until when', async () => {
    const model = unique('queued');
    await exhaust(model);
    const key = await accept(model);
    const record = await untilRecord(url, key, isPaced);
    expect(record).toMatchObject({ status: 'queued', attempts: 0, attempt_log: [], unknown_attempts: 0 });
    expect(record.waiting_reason).toMatch(/^lane [0-9a-f]{12}: /);
    const back = await untilRecord(url, key, ({ next_attempt_at }) => next_attempt_at !== null);
    expect(Date.parse(back.next_attempt_at ?? '')).toBeGreaterThan(Date.parse(record.created_at));
    const { raw } = await deployment.client.workflow.getHandle(key).describe();
    expect(raw.pendingActivities?.[0]?.lastFailure?.message).toMatch(
      /^call 1 not made yet: waits for its turn in lane [0-9a-f]{12} \(/,
    );
  });

  it('is not counted against max_attempts, and its outcome is never unknown', async () => {
    const model = unique('counted');
    upstream.limit(model, { requests: { perMinute: 120, initial: 2 }, callMs: 10 });
    const keys = await Promise.all(
      Array.from({ length: 8 }, () =>
        accept(model, { reqrun: { max_attempts: 5, on_unknown_outcome: 'fail' } }),
      ),
    );
    const records = await Promise.all(keys.map((key) => untilRecord(url, key, ({ terminal }) => terminal)));
    expect(records.map(({ status }) => status)).toEqual(keys.map(() => 'completed'));
    const { received } = upstream.counts(model);
    expect(records.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(received);
  });

  it('is cancelled at once, without a call', async () => {
    const model = unique('cancelled');
    await exhaust(model);
    const key = await accept(model);
    await untilRecord(url, key, isPaced);
    const { received } = upstream.counts(model);
    expect((await act(url, key, 'cancel')).status).toBe(202);
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 5_000);
    expect(record).toMatchObject({ status: 'cancelled', attempts: 0, unknown_attempts: 0 });
    expect(upstream.calls(model).length - received).toBeLessThanOrEqual(1);
  });

  it('ends at its deadline with 0 attempts', async () => {
    const model = unique('late');
    await exhaust(model);
    const key = await accept(model, { reqrun: { deadline_seconds: 2 } });
    const record = await untilRecord(url, key, ({ terminal }) => terminal);
    expect(record).toMatchObject({
      status: 'failed',
      attempts: 0,
      unknown_attempts: 0,
      error: { code: 'deadline_exceeded' },
    });
    expect(Date.parse(record.completed_at ?? '')).toBeGreaterThanOrEqual(
      Date.parse(record.deadline_at) - 1_000,
    );
  });

  it('goes before others by its priority', async () => {
    const model = unique('priority');
    upstream.limit(model, { requests: { perMinute: 120, initial: 2 }, callMs: 10 });
    const low = await Promise.all(
      Array.from({ length: 6 }, () => accept(model, { user: 'low', reqrun: { priority: 5 } })),
    );
    await until(
      () => upstream.counts(model).answered,
      (answered) => answered >= 1,
    );
    const high = await accept(model, { user: 'high', reqrun: { priority: 1 } });
    for (const key of [...low, high]) await untilRecord(url, key, ({ terminal }) => terminal);
    const answered = upstream.calls(model).filter(({ refused }) => !refused);
    const place = answered.findIndex(({ user }) => user === 'high');
    expect(place).toBeGreaterThanOrEqual(0);
    expect(place).toBeLessThan(answered.length - 1);
  });
});

it('leaves other lanes alone: a call for another model goes out while one lane waits', async () => {
  const model = unique('full');
  await exhaust(model);
  const waiting = await accept(model);
  await untilRecord(url, waiting, isPaced);
  expect((await post(url, { model: unique('free'), wait: 30 })).status).toBe(200);
  expect((await readRecord(url, waiting)).terminal).toBe(false);
});

describe('GET /v1/lanes', () => {
  it('shows each lane with its state, pace and counts', async () => {
    const model = unique('shown');
    await exhaust(model);
    const { data } = LaneList.parse(JSON.parse((await get(url, '/v1/lanes')).text));
    expect(data.find((lane) => lane.model === model)).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f]{12}$/),
      refused: expect.any(Number),
      waiting: expect.any(Number),
      remaining_requests: 0,
    });
  });

  it('is unknown where the worker is another process', async () => {
    const apart = await startDeployment({ upstreamURL: upstream.baseURL, together: false });
    try {
      expect((await get(apart.url, '/v1/lanes')).status).toBe(404);
    } finally {
      await apart.stop();
    }
  });
});
