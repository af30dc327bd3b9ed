import { describe, expect, it } from 'vitest';
import { act, errorOf, get, post, readRecord, remove, unique, untilRecord } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { ok } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { untilGone } from '../support/until-gone.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();

describe('deleting', () => {
  it('removes all runs from Temporal, is visible in every API process at once, and frees the key', async () => {
    const other = await startDeployment({ upstreamURL: upstream.baseURL, together: false, worker: false });
    const key = unique('gone');
    upstream.script(key, { answer: 400, body: {} }, ok('second'), ok('third'));
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    const runIds = [(await readRecord(url, key)).temporal.run_id];
    await act(url, key, 'retry');
    runIds.push((await untilRecord(url, key, ({ terminal }) => terminal)).temporal.run_id);

    // Through a process whose task queue has no worker, so that the deletion stands where it can be looked at.
    const answer = await remove(other.url, key);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      200,
      { id: key, object: 'request.deleted', deleted: true },
    ]);
    const unknown = await get(url, `/v1/requests/${unique('nobody')}`);
    for (const one of [url, other.url]) {
      const read = await get(one, `/v1/requests/${key}`);
      expect([read.status, read.text]).toEqual([404, unknown.text]);
      const posted = await post(one, { model: key, idempotency_key: key });
      expect([posted.status, errorOf(posted).code]).toEqual([409, 'request_being_deleted']);
      expect(Number(posted.headers.get('retry-after'))).toBeGreaterThan(0);
      expect([(await act(one, key, 'cancel')).status, (await act(one, key, 'retry')).status]).toEqual([
        404, 404,
      ]);
    }
    await other.startWorker();
    const anew = await until(
      () => post(url, { model: key, idempotency_key: key, wait: 20 }),
      ({ status }) => status === 200,
      40_000,
    );
    expect([anew.headers.get('idempotent-replayed'), anew.text]).toEqual([
      null,
      expect.stringContaining('third'),
    ]);
    expect(await readRecord(url, key)).toMatchObject({ run: 1, attempts: 1 });
    for (const runId of runIds) await untilGone(deployment.client, key, runId);
    await other.stop();
  });

  it('is refused while the request goes on', async () => {
    const key = unique('going');
    upstream.script(key, { stall: 'headers' });
    await post(url, { model: key, idempotency_key: key });
    const answer = await remove(url, key);
    expect([answer.status, errorOf(answer).code]).toEqual([409, 'request_not_terminal']);
    expect((await readRecord(url, key)).terminal).toBe(false);
    await act(url, key, 'cancel');
  });

  it('answers an unknown id, a deleted one and a workflow of somebody else alike', async () => {
    const [key, stranger] = [unique('deleted'), unique('stranger')];
    await post(url, { model: key, idempotency_key: key, wait: 20 });
    await remove(url, key);
    const handle = await deployment.client.workflow.start('someoneElses', {
      workflowId: stranger,
      taskQueue: unique('q'),
    });
    const answers = await Promise.all([
      remove(url, key),
      remove(url, unique('nobody')),
      remove(url, stranger),
    ]);
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(404);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.terminate();
  });

  it('and a retry at once: one of them has the id, never both', async () => {
    for (let round = 0; round < 5; round += 1) {
      const key = unique('both');
      upstream.script(key, { answer: 400, body: {} }, ok());
      await post(url, { model: key, idempotency_key: key, wait: 20 });
      const [removed, retried] = await Promise.all([remove(url, key), act(url, key, 'retry')]);
      const outcome = [removed.status, retried.status].join(' ');
      expect(['200 404', '409 202', '200 409']).toContain(outcome);
      if (removed.status === 200) expect(upstream.hits(key)).toHaveLength(1);
    }
  });
});
