/** A namespace whose limit of a payload is lower than the largest answer that ReqRun would store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { startEmbeddedServer, type EmbeddedServer } from '../../src/dev-server/server.ts';
import { errorOf, post, readRecord, unique } from '../support/api.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';
import { freePort } from '../support/free-port.ts';
import { ok, startScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';

const LIMIT_BYTES = 300_000;

let dataDir: string;
let server: EmbeddedServer;
let upstream: ScriptedUpstream;
let deployment: Deployment;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'reqrun-limit-'));
  server = await startEmbeddedServer({
    binaryPath: inject('temporalBinary'),
    dataDir,
    port: await freePort(),
    uiPort: await freePort(),
    retentionHours: 24,
    env: process.env,
    log: { warn: () => undefined },
    dynamicConfig: { 'limit.blobSize.error': LIMIT_BYTES, 'limit.blobSize.warn': LIMIT_BYTES },
  });
  upstream = await startScriptedUpstream();
  deployment = await startDeployment({ upstreamURL: upstream.baseURL, temporalAddress: server.address });
});
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

it('fails what is too large for it, to its caller as in its record: nobody gets what Temporal does not have', async () => {
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
