/** What operators do in the Temporal UI beside Terminate and Cancel: Reset of a run, and of its activity. */
import { describe, expect, it } from 'vitest';
import type { RequestRecord } from '../../src/domain/record.ts';
import { act, get, post, readRecord, remove, unique, untilRecord } from '../support/api.ts';
import { resetRun } from '../support/reset-run.ts';
import { ok, overloaded } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { untilGone } from '../support/until-gone.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();
const { client } = deployment;
const terminal = ({ terminal }: RequestRecord): boolean => terminal;
const numbers = ({ attempt_log }: RequestRecord): number[] => attempt_log.map(({ number }) => number);

const reset = (key: string): Promise<string> => resetRun(client, key);

describe('a run that an operator resets', () => {
  it('goes on from the attempts it had: none is forgotten, and the numbers go on', async () => {
    const key = unique('failed');
    upstream.script(
      key,
      { answer: 429, headers: { 'retry-after': '1' } },
      { answer: 400, body: {} },
      ok('third', 1_000),
    );
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const before = await readRecord(url, key);
    expect(before).toMatchObject({ status: 'failed', attempts: 2 });
    await reset(key);
    const seen: RequestRecord[] = [];
    const record = await until(async () => {
      const now = await readRecord(url, key);
      seen.push(now);
      return now;
    }, terminal);
    expect(record).toMatchObject({ status: 'completed', attempts: 3, unknown_attempts: 0 });
    expect(numbers(record)).toEqual([1, 2, 3]);
    expect(record.attempt_log.slice(0, 2)).toEqual(before.attempt_log);
    expect(Math.min(...seen.map(({ attempts }) => attempts))).toBe(2);
    expect(upstream.hits(key)).toHaveLength(3);
    const replay = await post(url, { model: key, idempotency_key: key });
    expect([replay.status, replay.text]).toEqual([200, expect.stringContaining('third')]);
  });

  it('is flagged as a possible duplicate when the call it broke off may have run', async () => {
    const key = unique('in-call');
    upstream.script(key, { stall: 'headers' }, ok('again'));
    await post(url, { model: key, idempotency_key: key });
    await upstream.untilHits(key, 1);
    await reset(key);
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({
      status: 'completed',
      attempts: 2,
      unknown_attempts: 1,
      possible_duplicate: true,
    });
    expect(upstream.hits(key)).toHaveLength(2);
  });

  it('can be reset twice, cancelled between two attempts, and deleted with all it came from', async () => {
    const key = unique('twice');
    upstream.script(key, { answer: 400, body: {} }, { answer: 400, body: {} }, overloaded());
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const runIds = [await reset(key)];
    await untilRecord(url, key, ({ status, attempts }) => status === 'failed' && attempts === 2);
    runIds.push(await reset(key));
    await untilRecord(url, key, ({ status, attempts }) => status === 'retrying' && attempts === 3);
    await act(url, key, 'cancel');
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'cancelled', attempts: 3, unknown_attempts: 0 });
    expect(numbers(record)).toEqual([1, 2, 3]);
    runIds.push(record.temporal.run_id);
    await untilClosed(key);
    expect((await remove(url, key)).status).toBe(200);
    expect((await get(url, `/v1/requests/${key}`)).status).toBe(404);
    for (const runId of runIds) await untilGone(client, key, runId);
  });
});

describe('a run whose predecessor is gone', () => {
  it('still knows the attempts that were made before it, and is deleted with the runs that are left', async () => {
    const key = unique('orphan');
    upstream.script(key, { answer: 400, body: {} }, { answer: 400, body: {} }, ok('third'));
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const first = await reset(key);
    const twice = await untilRecord(
      url,
      key,
      ({ status, attempts }) => status === 'failed' && attempts === 2,
    );
    await untilClosed(key);
    await removeRun(key, first);
    expect(await readRecord(url, key)).toEqual(twice);
    const second = await reset(key);
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'completed', attempts: 3, unknown_attempts: 0 });
    expect(numbers(record)).toEqual([1, 2, 3]);
    await untilClosed(key);
    expect((await remove(url, key)).status).toBe(200);
    for (const runId of [second, record.temporal.run_id]) await untilGone(client, key, runId);
  });
});

describe('an activity that an operator resets', () => {
  it('counts from 1 again for Temporal, and goes on for the record', async () => {
    const key = unique('activity');
    upstream.script(key, overloaded(), { answer: 400, body: {} });
    await post(url, { model: key, idempotency_key: key });
    await untilRecord(url, key, ({ status }) => status === 'retrying');
    await client.workflowService.resetActivity({
      namespace: 'default',
      execution: { workflowId: key },
      type: 'callUpstream',
    });
    const record = await untilRecord(url, key, terminal);
    expect(record).toMatchObject({ status: 'failed', attempts: 2, unknown_attempts: 0 });
    expect(numbers(record)).toEqual([1, 2]);
    expect(upstream.hits(key)).toHaveLength(2);
  });
});

async function untilClosed(key: string): Promise<void> {
  await until(
    () => client.workflow.getHandle(key).describe(),
    ({ status }) => status.name !== 'RUNNING',
  );
}

/** As Temporal does it when a run's retention is over. */
async function removeRun(key: string, runId: string): Promise<void> {
  await client.workflowService.deleteWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: key, runId },
  });
  await untilGone(client, key, runId);
}
