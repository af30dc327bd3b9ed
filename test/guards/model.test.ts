/** Arbitrary lives of requests against a model of what the contract allows; more behind `npm run test:faults`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chooseSeed } from '../faults/prng.ts';
import { startFaultUpstream, type FaultUpstream } from '../faults/upstream.ts';
import { runModel } from '../model/run-model.ts';
import { startDeployment, type Deployment } from '../support/deployment.ts';

const seed = chooseSeed();
let dir: string;
let upstream: FaultUpstream;
let deployment: Deployment;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reqrun-model-'));
  upstream = await startFaultUpstream(join(dir, 'upstream.jsonl'));
  deployment = await startDeployment({ upstreamURL: upstream.baseURL });
});
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
  await rm(dir, { recursive: true, force: true });
});

it('answers every order of posts, reads, cancels, retries and deletes as the contract allows', async () => {
  process.stdout.write(`SEED=${seed}: model-based test\n`);
  const counts = await runModel({
    url: deployment.url,
    upstream,
    killWorker: null,
    seed,
    runs: 6,
    maxCommands: 25,
  });
  expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(20);
}, 120_000);
