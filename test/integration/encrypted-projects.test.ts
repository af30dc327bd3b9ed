/** Projects whose payloads are encrypted: what is bound to a workflow is bound to the project's own id. */
import { afterAll, expect, it } from 'vitest';
import { act, errorOf, get, post, recordIn, remove, unique } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { newKey, storedOf } from '../support/encryption.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';

const upstream = await startScriptedUpstream();
const keys = await makeKeysFile({ alpha: {}, beta: {} });
const alpha = bearer((await keys.create('alpha')).key);
const beta = bearer((await keys.create('beta')).key);
const deployment = await startDeployment({
  upstreamURL: upstream.baseURL,
  env: { REQRUN_KEYS_FILE: keys.path, REQRUN_ENCRYPTION_KEYS: newKey('first') },
});
const { url } = deployment;
afterAll(async () => {
  await deployment.stop();
  await upstream.close();
  await keys.remove();
});

it('keep one key apart, run again and delete, and nothing of the prompt is in Temporal', async () => {
  const id = unique('both');
  const canary = unique('canary');
  upstream.script(id, { answer: 400, body: {} }, ok('again'));
  const call = { model: id, idempotency_key: id, messages: [{ role: 'user', content: canary }], wait: 20 };
  expect((await post(url, call, alpha)).status).toBe(400);
  const foreign = await get(url, `/v1/requests/${id}`, beta);
  expect([foreign.status, errorOf(foreign).code]).toEqual([404, 'request_not_found']);

  const retried = await act(url, id, 'retry', undefined, alpha);
  expect(recordIn(retried)).toMatchObject({ id, run: 2 });
  const record = recordIn(
    await until(
      () => get(url, `/v1/requests/${id}`, alpha),
      (answer) => recordIn(answer).terminal,
    ),
  );
  expect(record).toMatchObject({ status: 'completed', attempts: 2 });
  expect(record.temporal.workflow_id).toBe(`@alpha/${id}`);
  expect((await storedOf(deployment.client, `@alpha/${id}`)).includes(canary)).toBe(false);
  // By nature in plain text, as the id is.
  const { typedSearchAttributes } = await deployment.client.workflow.getHandle(`@alpha/${id}`).describe();
  expect(typedSearchAttributes.getAll().map(({ value }) => value)).toEqual(
    expect.arrayContaining([id, 'alpha']),
  );

  const deleted = await until(
    () => remove(url, id, alpha),
    ({ status }) => status !== 503,
  );
  expect(deleted.status).toBe(200);
  expect((await get(url, `/v1/requests/${id}`, alpha)).status).toBe(404);
});
