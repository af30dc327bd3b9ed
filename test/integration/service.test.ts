import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../src/domain/error-catalogue.ts';
import { get, post, readRecord, unique } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { ok } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment } = await useDeployment();

describe('the service', () => {
  it('describes itself with every error code, and with references that resolve', async () => {
    const document = (await get(deployment.url, '/openapi.json')).text;
    expect(JSON.parse(document)).toMatchObject({ openapi: '3.1.0' });
    const missing = Object.keys(ERROR_CATALOGUE).filter((code) => !document.includes(`\`${code}\``));
    // Where nothing is routed there is no operation to say it.
    expect(missing).toEqual(['not_found']);
    const schemas = Object.keys(JSON.parse(document).components.schemas);
    const referenced = [...document.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(referenced.length).toBeGreaterThan(5);
    expect(referenced.filter((name) => name === undefined || !schemas.includes(name))).toEqual([]);
  });

  it('names the methods that a path has, to whoever asks with another', async () => {
    const wrong = await fetch(`${deployment.url}/v1/requests/x`, { method: 'PUT' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'DELETE, GET, HEAD']);
  });

  it('makes runs findable by model, tells their story and links to them', async () => {
    const model = unique('found');
    await post(deployment.url, { model, wait: 20, idempotency_key: model });
    const description = await deployment.client.workflow.getHandle(model).describe();
    expect(description.typedSearchAttributes.getAll().map(({ value }) => value)).toContain(model);
    expect(await description.staticSummary()).toBe(`chat.completions · ${model}`);
    const record = await readRecord(deployment.url, model);
    expect(record.temporal.url).toBe(
      `http://127.0.0.1:8233/namespaces/default/workflows/${model}/${description.runId}/history`,
    );
  });

  it('shows a failed request as a failed workflow', async () => {
    const model = unique('red');
    upstream.script(model, { answer: 400, body: {} });
    await post(deployment.url, { model, wait: 20, idempotency_key: model });
    // The caller is answered from inside the workflow's last task: Temporal closes the run right after.
    await until(
      () => deployment.client.workflow.getHandle(model).describe(),
      ({ status }) => status.name === 'FAILED',
    );
  });

  it('reads a run that an operator terminated or cancelled, with the attempt that was cut off', async () => {
    const [ended, cancelled] = [unique('terminated'), unique('cancelled')];
    for (const model of [ended, cancelled]) {
      upstream.script(model, { stall: 'headers' });
      await post(deployment.url, { model, idempotency_key: model });
      await upstream.untilHits(model, 1);
    }
    await deployment.client.workflow.getHandle(ended).terminate();
    await deployment.client.workflow.getHandle(cancelled).cancel();
    const first = await readRecord(deployment.url, ended);
    expect(first).toMatchObject({
      status: 'failed',
      attempts: 1,
      unknown_attempts: 1,
      error: { code: 'terminated' },
    });
    const second = await readRecord(deployment.url, cancelled, '?wait=30');
    expect(second).toMatchObject({ status: 'cancelled', attempts: 1, error: { code: 'request_cancelled' } });
  });

  it('answers held callers with their 202 and turns readiness off when it stops', async () => {
    const stopping = await startDeployment({ upstreamURL: upstream.baseURL });
    const model = unique('stop');
    upstream.script(model, ok('late', 2_000));
    const held = post(stopping.url, { model, wait: 60, idempotency_key: model });
    await upstream.untilHits(model, 1);
    stopping.beginStop();
    expect((await held).status).toBe(202);
    expect((await get(stopping.url, '/readyz')).status).toBe(503);
    await stopping.stop();
    expect(await readRecord(deployment.url, model)).toMatchObject({ status: 'completed', attempts: 1 });
  });
});
