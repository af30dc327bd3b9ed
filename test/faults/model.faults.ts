/** `npm run test:faults`: the model-based test with API and worker as processes, the worker killed at times. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { runModel } from '../model/run-model.ts';
import { freePort } from '../support/free-port.ts';
import { createMember } from './member.ts';
import { readFaultSettings } from './settings.ts';
import { startFaultUpstream } from './upstream.ts';

const { seed, modelRuns } = readFaultSettings();

it('allows no other answer either while workers are killed', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'reqrun-model-'));
  const upstream = await startFaultUpstream(join(dir, 'upstream.jsonl'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const shared = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    OPENAI_BASE_URL: upstream.baseURL,
    REQRUN_TASK_QUEUE: `model-${seed}`,
    REQRUN_HEARTBEAT_TIMEOUT_SECONDS: '2',
  };
  const api = createMember('api', 'src/api.ts', url, { ...shared, PORT: String(port) });
  const worker = createMember('worker', 'src/worker.ts', null, shared);
  const killWorker = async (): Promise<void> => {
    await worker.end('SIGKILL');
    await worker.start();
  };
  try {
    await Promise.all([api.start(), worker.start()]);
    process.stdout.write(`SEED=${seed}: model-based test, ${modelRuns} runs\n`);
    const counts = await runModel({ url, upstream, killWorker, seed, runs: modelRuns, maxCommands: 40 });
    for (const [met, count] of [...counts].sort()) {
      process.stdout.write(`${String(count).padStart(6)}  ${met}\n`);
    }
    expect(counts.get('post 202')).toBeGreaterThan(0);
  } finally {
    await Promise.all([api.end('SIGTERM'), worker.end('SIGTERM')]);
    await upstream.close();
    await rm(dir, { recursive: true, force: true });
  }
});
