/** A namespace whose limit of a payload is lower than the largest answer that ReqRun would store. */
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { errorOf, post, readRecord, unique } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { createOwnTemporal, type OwnTemporal } from '../support/own-temporal.ts';
import { ok, startScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';

const LIMIT_BYTES = 300_000;

let server: OwnTemporal;
let upstream: ScriptedUpstream;
let deployment: Deployment;
beforeAll(async () => {
  const dynamicConfig = { 'limit.blobSize.error': LIMIT_BYTES, 'limit.blobSize.warn': LIMIT_BYTES };
  server = await createOwnTemporal(inject('temporalBinary'), { dynamicConfig });
  await server.start();
  upstream = await startScriptedUpstream();
  deployment = await startDeployment({ upstreamURL: upstream.baseURL, temporalAddress: server.address });
});
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
  await server.remove();
});

it('fails an answer over the limit in the record, and does not pass it to the caller either', async () => {
  const { url } = deployment;
  const key = unique('too-large');
  upstream.script(key, ok('x'.repeat(LIMIT_BYTES + 100_000)));
  const answer = await post(url, { model: key, idempotency_key: key, wait: 20 });
  const record = await readRecord(url, key);
  expect(record.error?.code).toBe('upstream_response_too_large');
  expect([answer.status, errorOf(answer).code]).toEqual([502, 'upstream_response_too_large']);
  expect(upstream.hits(key)).toHaveLength(1);
});

it('completes what fits', async () => {
  const { url } = deployment;
  const key = unique('fits');
  upstream.script(key, ok('x'.repeat(LIMIT_BYTES - 100_000)));
  expect((await post(url, { model: key, idempotency_key: key, wait: 20 })).status).toBe(200);
  expect(await readRecord(url, key)).toMatchObject({ status: 'completed', attempts: 1 });
});
