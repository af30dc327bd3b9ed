/** The processes' own metrics: each entry serves those of its half, and says at start where it cannot. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, expect, inject, it } from 'vitest';
import { METRICS } from '../../src/metrics/catalogue.ts';
import { post, unique } from '../support/api.ts';
import { createEmbeddedService } from '../support/embedded-service.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';
import { scrape, untilSamples } from '../support/scrape.ts';
import { until } from '../support/until.ts';

const upstream = await startScriptedUpstream();
const running: RunningProcess[] = [];
afterAll(async () => {
  for (const process of running) await process.end('SIGTERM');
  await upstream.close();
});

function run(entry: string, env: Record<string, string>): RunningProcess {
  const process = runEntryFile(entry, { OPENAI_BASE_URL: upstream.baseURL, ...env });
  running.push(process);
  return process;
}

/** Of the catalogue, with what every process has. */
const namesLike = (pattern: RegExp): string[] =>
  Object.keys(METRICS).filter((name) => pattern.test(name) || name === 'reqrun_build_info');

it('an API tells of its calls and a worker of its own, each on its own port', async () => {
  const [port, ofApi, ofWorker] = [await freePort(), await freePort(), await freePort()];
  const shared = { TEMPORAL_ADDRESS: inject('temporalAddress'), REQRUN_TASK_QUEUE: unique('metrics') };
  const api = run('src/api.ts', { ...shared, PORT: String(port), REQRUN_METRICS_PORT: String(ofApi) });
  const worker = run('src/worker.ts', { ...shared, REQRUN_METRICS_PORT: String(ofWorker) });
  await Promise.all([api, worker].map((process) => process.untilOutput('"ready"')));
  const model = unique('apart');
  const answer = await post(`http://127.0.0.1:${port}`, { model, wait: 30 });
  expect(answer.status).toBe(200);
  const [apis, workers] = [ofApi, ofWorker].map((own) => `http://127.0.0.1:${own}/metrics`);
  if (apis === undefined || workers === undefined) throw new Error('two ports were asked for');
  expect([api.output(), worker.output()]).toEqual([
    expect.stringContaining(apis),
    expect.stringContaining(workers),
  ]);
  await untilSamples(apis, { reqrun_requests_accepted_total: 1 });
  await untilSamples(workers, { 'reqrun_attempts_total{outcome="completed",code="none"}': 1 });
  const ours = async (url: string): Promise<string[]> =>
    [...(await scrape(url)).types.keys()].filter((name) => name.startsWith('reqrun_')).toSorted();
  expect(await ours(apis)).toEqual(namesLike(/accept|http|requests|refusals|waiters/).toSorted());
  expect(await ours(workers)).toEqual(namesLike(/attempt|upstream|lane|runs/).toSorted());
});

it('npm start tells of both halves on one port, and says which that is', async () => {
  const port = await freePort();
  const metrics = `http://127.0.0.1:${port}/metrics`;
  const service = await createEmbeddedService({
    REQRUN_METRICS_PORT: String(port),
    OPENAI_BASE_URL: upstream.baseURL,
  });
  try {
    const { output } = await service.start();
    expect(output()).toContain(`Metrics      ${metrics}\n`);
    expect((await post(service.url, { model: unique('together'), wait: 30 })).status).toBe(200);
    const { types } = await untilSamples(metrics, {
      reqrun_requests_accepted_total: 1,
      'reqrun_attempts_total{outcome="completed",code="none"}': 1,
    });
    expect([...types.keys()]).toEqual(expect.arrayContaining(Object.keys(METRICS)));
  } finally {
    await service.remove();
  }
});

it.each(['src/main.ts', 'src/api.ts', 'src/worker.ts'])(
  '%s ends at once where its port is taken, and says which: a process that nobody can watch is noticed late',
  async (entry) => {
    const stranger = createServer().listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const address = stranger.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    const process = run(entry, {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      REQRUN_METRICS_PORT: String(address.port),
    });
    await process.untilOutput(
      `Metrics cannot be served on port ${address.port} of 127.0.0.1 (REQRUN_METRICS_PORT, REQRUN_METRICS_HOST).`,
    );
    await until(
      () => process.child.exitCode,
      (code) => code === 1,
    );
    stranger.close();
  },
);
