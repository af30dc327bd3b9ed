/** `npm run api` and `npm run worker` as processes of their own, with one keys file between them. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { errorOf, get, post, recordIn, unique } from '../support/api.ts';
import { freePort } from '../support/free-port.ts';
import { bearer, makeKeysFile, type TestKeys } from '../support/keys-file.ts';
import { runEntryFile, type RunningProcess } from '../support/process.ts';
import { ok, startScriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

/** What the worker alone is told. */
const OF_THE_WORKER = { OPENAI_API_KEY: 'sk-canary-common', BILLING_UPSTREAM_KEY: 'sk-canary-billing' };
let upstream: ScriptedUpstream;
let keys: TestKeys;
let api: RunningProcess;
let worker: RunningProcess;
let url: string;
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  const own = { base_url: upstream.baseURL, api_key_env: 'BILLING_UPSTREAM_KEY' };
  keys = await makeKeysFile({ billing: { upstream: own }, plain: {} });
  const port = String(await freePort());
  url = `http://127.0.0.1:${port}`;
  const shared = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    REQRUN_TASK_QUEUE: `test-${randomUUID()}`,
    REQRUN_KEYS_FILE: keys.path,
    REQRUN_ALLOW_PLAIN_UPSTREAM: '1',
  };
  api = runEntryFile('src/api.ts', { ...shared, PORT: port });
  worker = runEntryFile('src/worker.ts', { ...shared, ...OF_THE_WORKER, OPENAI_BASE_URL: upstream.baseURL });
  await Promise.all([api, worker].map((process) => process.untilOutput('"ready"')));
});
afterAll(async () => {
  for (const process of [api, worker]) await process.end('SIGTERM');
  await upstream.close();
  await keys.remove();
});

const environmentOf = ({ child }: RunningProcess): string =>
  readFileSync(`/proc/${child.pid}/environ`, 'utf8');
const secrets = Object.values(OF_THE_WORKER);

describe('an API and a worker that share a keys file', () => {
  it.each([
    ['billing', 'sk-canary-billing'],
    ['plain', 'sk-canary-common'],
  ])('complete a call of %s with the key that only the worker has', async (project, upstreamKey) => {
    const { key } = await keys.create(project);
    const id = unique(project);
    upstream.script(id, ok(`for ${project}`));
    const call = { model: id, idempotency_key: id, wait: 20 };
    const answer = await until(
      () => post(url, call, bearer(key)),
      ({ status }) => status !== 401,
      5_000,
    );
    expect([answer.status, answer.text.includes(`for ${project}`)]).toEqual([200, true]);
    expect(upstream.hits(id).map(({ headers }) => headers.authorization)).toEqual([`Bearer ${upstreamKey}`]);
    const record = recordIn(await get(url, `/v1/requests/${id}`, bearer(key)));
    expect(record).toMatchObject({ status: 'completed', attempts: 1 });
    expect(record.temporal.workflow_id).toBe(`@${project}/${id}`);
  });

  it('let nobody in without a key', async () => {
    const answer = await post(url, { model: 'm' });
    expect([answer.status, errorOf(answer).code]).toEqual([401, 'missing_api_key']);
  });

  it.skipIf(process.platform !== 'linux')('leave the API without any key of an upstream', () => {
    const found = (process: RunningProcess): string[] =>
      secrets.filter((secret) => environmentOf(process).includes(secret));
    expect([found(api), found(worker)]).toEqual([[], secrets]);
  });

  it('say which protections are lifted, and no secret', () => {
    for (const said of [api.output(), worker.output()]) {
      expect(said).toContain('REQRUN_ALLOW_PLAIN_UPSTREAM=1: ');
      expect(said).not.toContain('canary');
    }
  });
});
