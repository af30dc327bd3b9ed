/** A worker that was not given the keys file, behind an API that has it: nothing goes to a wrong upstream. */
import { afterAll, expect, it } from 'vitest';
import { get, post, recordIn, unique } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

const own = await startScriptedUpstream();
const common = await startScriptedUpstream();
const keys = await makeKeysFile({ default: { upstream: { base_url: own.baseURL } } });
const caller = bearer((await keys.create('default')).key);
const queue = unique('queue');
const shared = { upstreamURL: common.baseURL, together: false };
const api = await startDeployment({
  ...shared,
  worker: false,
  env: { REQRUN_TASK_QUEUE: queue, REQRUN_KEYS_FILE: keys.path },
});
const worker = await startDeployment({ ...shared, env: { REQRUN_TASK_QUEUE: queue } });
afterAll(async () => {
  await Promise.all([api.stop(), worker.stop()]);
  await Promise.all([own.close(), common.close(), keys.remove()]);
});

it('makes no call for the default project either, whose prompts may be meant for another upstream', async () => {
  const id = unique('keyed');
  await post(api.url, { model: id, idempotency_key: id }, caller);
  const record = await until(
    async () => recordIn(await get(api.url, `/v1/requests/${id}`, caller)),
    ({ status }) => status === 'retrying',
  );
  expect(record.last_error_code).toBe('configuration_error');
  expect([own.calls(), common.calls()]).toEqual([0, 0]);
});

it('still calls for what an open service accepted', async () => {
  const id = unique('open');
  expect((await post(worker.url, { model: id, idempotency_key: id, wait: 20 })).status).toBe(200);
  expect(common.calls()).toBe(1);
});
