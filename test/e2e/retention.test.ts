import { Connection } from '@temporalio/client';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { get, post, readRecord, unique } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { createOwnTemporal, type OwnTemporal } from '../support/own-temporal.ts';
import { ok, startScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

const RETENTION_SECONDS = 4;

let server: OwnTemporal;
let upstream: ScriptedUpstream;
let deployment: Deployment;
beforeAll(async () => {
  server = await createOwnTemporal(inject('temporalBinary'), {
    dynamicConfig: {
      'system.namespaceMinRetentionLocal': '1s',
      'history.retentionTimerJitterDuration': '1s',
    },
  });
  await server.start();
  // The operator's own value: ReqRun reads it, and sets none but the embedded server's at its start.
  await setRetention(RETENTION_SECONDS);
  upstream = await startScriptedUpstream();
  deployment = await startDeployment({ upstreamURL: upstream.baseURL, temporalAddress: server.address });
});
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
  await server.remove();
});

async function setRetention(seconds: number): Promise<void> {
  const connection = await Connection.connect({ address: server.address });
  await connection.workflowService.updateNamespace({
    namespace: 'default',
    config: { workflowExecutionRetentionTtl: msNumberToTs(seconds * 1000) },
  });
  await connection.close();
}

it('keeps the key for the time it publishes, then forgets the request, and the key is new', async () => {
  const { url } = deployment;
  const key = unique('kept');
  // Temporal learns of a new retention with its next look at its namespaces; a run closed before keeps the old one.
  const probes: string[] = [];
  await until(
    async () => {
      probes.push(unique('probe'));
      await post(url, { model: 'probe', idempotency_key: probes.at(-1), wait: 20 });
      return Promise.all(probes.map((probe) => get(url, `/v1/requests/${probe}`)));
    },
    (answers) => answers.some(({ status }) => status === 404),
    50_000,
  );
  upstream.script(key, ok('first'), ok('second'));
  await post(url, { model: key, idempotency_key: key, wait: 20 });
  const { completed_at, expires_at } = await until(
    () => readRecord(url, key),
    (record) => record.expires_at !== null,
  );
  expect(Date.parse(expires_at ?? '') - Date.parse(completed_at ?? '')).toBe(RETENTION_SECONDS * 1000);
  // All along it is the same answer, until it is none; never half of one and never an error.
  const seen: string[] = [];
  await until(
    async () => {
      const answer = await get(url, `/v1/requests/${key}`);
      seen.push(answer.status === 200 ? answer.text : String(answer.status));
      return { status: answer.status, atMs: Date.now() };
    },
    ({ status, atMs }) => {
      if (status === 404) expect(atMs).toBeGreaterThanOrEqual(Date.parse(expires_at ?? ''));
      return status === 404;
    },
    45_000,
  );
  expect(new Set(seen).size).toBe(2);
  const anew = await post(url, { model: key, idempotency_key: key, wait: 20 });
  expect([anew.status, anew.headers.get('idempotent-replayed')]).toEqual([200, null]);
  expect(anew.text).toContain('second');
  expect(upstream.hits(key)).toHaveLength(2);
}, 120_000);

it('publishes no later time for a request that has ended when the retention is raised afterwards', async () => {
  const key = unique('raised');
  await post(deployment.url, { model: key, idempotency_key: key, wait: 20 });
  const before = await until(
    () => readRecord(deployment.url, key),
    (record) => record.expires_at !== null,
  );
  await setRetention(3_600);
  const later = await startDeployment({ upstreamURL: upstream.baseURL, temporalAddress: server.address });
  const read = await get(later.url, `/v1/requests/${key}`);
  // Gone by now, or still with the time that was published.
  if (read.status !== 404) expect(read.text).toContain(`"expires_at":"${before.expires_at}"`);
  expect([200, 404]).toContain(read.status);
  const fresh = unique('fresh');
  await post(later.url, { model: fresh, idempotency_key: fresh, wait: 20 });
  const { completed_at, expires_at } = await readRecord(later.url, fresh);
  expect(Date.parse(expires_at ?? '') - Date.parse(completed_at ?? '')).toBe(3_600_000);
  await later.stop();
});
