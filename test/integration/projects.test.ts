/** Projects: none sees another, each calls its own upstream with its own key. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { act, errorOf, get, post, recordIn, remove, unique, type Answer } from '../support/api.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { ok, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { startDeployment } from '../support/deployment.ts';
import { until } from '../support/until.ts';

const [alphas, betas, common] = await Promise.all([
  startScriptedUpstream(),
  startScriptedUpstream(),
  startScriptedUpstream(),
]);
process.env['TEST_ALPHA_UPSTREAM_KEY'] = 'sk-alpha';
const keys = await makeKeysFile();
const betaKeyFile = join(keys.directory, 'beta-upstream-key');
await writeFile(betaKeyFile, 'sk-beta\n');
const gateKeyFile = join(keys.directory, 'gate-key');
await writeFile(gateKeyFile, 'gate-1\n');
process.env['TEST_GATEWAY'] = 'gateway';
await writeFile(
  keys.path,
  JSON.stringify({
    projects: {
      alpha: { upstream: { base_url: alphas.baseURL, api_key_env: 'TEST_ALPHA_UPSTREAM_KEY' } },
      beta: { upstream: { base_url: betas.baseURL, api_key_file: betaKeyFile } },
      gated: {
        upstream: {
          base_url: betas.baseURL,
          headers: {
            'Api-Key': { file: gateKeyFile },
            'HTTP-Referer': { value: 'https://app.example' },
            'X-Gateway': { env: 'TEST_GATEWAY' },
          },
          sdk_headers: false,
        },
      },
      keyless: { upstream: { base_url: betas.baseURL, api_key_env: 'TEST_NOT_SET' } },
      plain: {},
      default: {},
    },
    keys: [],
  }),
);
const alpha = bearer((await keys.create('alpha')).key);
const beta = bearer((await keys.create('beta')).key);
const keyless = bearer((await keys.create('keyless')).key);
const gated = bearer((await keys.create('gated')).key);
const plain = bearer((await keys.create('plain')).key);
const fallback = bearer((await keys.create('default')).key);
const deployment = await startDeployment({
  upstreamURL: common.baseURL,
  env: { REQRUN_KEYS_FILE: keys.path },
});
const { url } = deployment;
afterAll(async () => {
  await deployment.stop();
  for (const upstream of [alphas, betas, common]) await upstream.close();
  await keys.remove();
});

type Caller = Record<string, string>;
const read = (caller: Caller, id: string, query = ''): Promise<Answer> =>
  get(url, `/v1/requests/${encodeURIComponent(id)}${query}`, caller);
/** All that a caller can see of an answer, but for the time of day. */
const seen = ({ status, headers, text }: Answer): unknown => [
  status,
  [...headers].filter(([name]) => name !== 'date'),
  text,
];

describe('two projects', () => {
  it('with one idempotency key have two requests, each at its own upstream with its own key (80)', async () => {
    const model = unique('shared');
    alphas.script(model, ok('for alpha'));
    betas.script(model, ok('for beta'));
    const call = { model, idempotency_key: model, wait: 20 };
    const answers = await Promise.all([post(url, call, alpha), post(url, call, beta)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, null]);
    expect(answers.map(({ text }) => text.includes('for alpha'))).toEqual([true, false]);
    expect(alphas.hits(model).map(({ headers }) => headers.authorization)).toEqual(['Bearer sk-alpha']);
    expect(betas.hits(model).map(({ headers }) => headers.authorization)).toEqual(['Bearer sk-beta']);
    // Another body under the key is each one's own affair, too.
    const other = await post(url, { ...call, seed: 1 }, plain);
    expect(other.status).toBe(200);
    expect(common.hits(model)).toHaveLength(1);
    const replayed = await post(url, call, beta);
    expect([replayed.headers.get('idempotent-replayed'), replayed.text]).toEqual(['true', answers[1]?.text]);
  });

  it('know their ids without the prefix that tells their workflows apart', async () => {
    const id = unique('named');
    const answer = await post(url, { model: id, idempotency_key: id }, alpha);
    expect([answer.headers.get('x-request-id'), answer.headers.get('location')]).toEqual([
      id,
      `/v1/requests/${id}`,
    ]);
    expect(JSON.parse(answer.text)).toMatchObject({ id, request_url: `/v1/requests/${id}` });
    const { temporal, ...record } = recordIn(await read(alpha, id, '?wait=20'));
    expect(record).toMatchObject({ id, status: 'completed' });
    expect(temporal.workflow_id).toBe(`@alpha/${id}`);
    expect(temporal.url).toContain(encodeURIComponent(`@alpha/${id}`));
    const generated = await post(url, { model: id }, alpha);
    const generatedId = generated.headers.get('x-request-id') ?? '';
    expect(generatedId).toMatch(/^rr_[a-z2-7]{32}$/);
    expect(recordIn(await read(alpha, generatedId)).temporal.workflow_id).toBe(`@alpha/${generatedId}`);
    const inDefault = await post(url, { model: id, idempotency_key: id, wait: 20 }, fallback);
    expect(inDefault.status).toBe(200);
    expect(recordIn(await read(fallback, id)).temporal.workflow_id).toBe(id);
  });

  it('take keys whose workflow id fits into 255 characters', async () => {
    const most = 255 - '@alpha/'.length;
    const [fits, tooLong] = await Promise.all(
      [most, most + 1].map((length) =>
        post(url, { model: 'long', idempotency_key: unique('k').padEnd(length, 'k') }, alpha),
      ),
    );
    expect(fits?.status).toBe(202);
    expect(tooLong && [tooLong.status, errorOf(tooLong).code]).toEqual([400, 'invalid_idempotency_key']);
  });

  it("get the same bytes for each other's requests as for unknown ones, on every action (84)", async () => {
    const id = unique('foreign');
    const failing = unique('foreign-failed');
    const answer = Promise.withResolvers<void>();
    alphas.script(id, { answer: 200, after: answer.promise });
    alphas.script(failing, { answer: 400, body: {} });
    await post(url, { model: id, idempotency_key: id }, alpha);
    await post(url, { model: failing, idempotency_key: failing, wait: 20 }, alpha);
    await alphas.untilHits(id, 1);
    for (const stranger of [beta, plain, fallback]) {
      const asAt = (one: string): Promise<Answer>[] => [
        read(stranger, one),
        read(stranger, one, '?wait=1'),
        act(url, one, 'cancel', undefined, stranger),
        act(url, one, 'retry', { run: 1 }, stranger),
        remove(url, one, stranger),
      ];
      const unknown = (await Promise.all(asAt(unique('unknown')))).map(seen);
      for (const name of [id, failing, `@alpha/${id}`]) {
        expect((await Promise.all(asAt(name))).map(seen)).toEqual(unknown);
      }
    }
    expect(recordIn(await read(alpha, id))).toMatchObject({ status: 'processing', cancel_requested: false });
    expect(recordIn(await read(alpha, failing))).toMatchObject({ status: 'failed', run: 1 });
    answer.resolve();
    // What was refused to strangers is done for the owner.
    expect((await act(url, failing, 'retry', undefined, alpha)).status).toBe(202);
    const retried = await until(
      async () => recordIn(await read(alpha, failing, '?wait=5')),
      ({ terminal }) => terminal,
    );
    expect(retried).toMatchObject({ id: failing, run: 2 });
    const removed = await remove(url, failing, alpha);
    expect([removed.status, JSON.parse(removed.text)]).toMatchObject([200, { id: failing }]);
    expect((await read(alpha, failing)).status).toBe(404);
  });

  it('are not woken by one another: each waiter gets the answer of its own project', async () => {
    const model = unique('woken');
    const late = Promise.withResolvers<void>();
    alphas.script(model, ok('for alpha'));
    betas.script(model, { ...ok('for beta'), after: late.promise });
    const call = { model, idempotency_key: model, wait: 20 };
    const betaWaits = post(url, call, beta);
    await betas.untilHits(model, 1);
    const betaReads = read(beta, model, '?wait=20');
    const forAlpha = await post(url, call, alpha);
    expect(forAlpha.text).toContain('for alpha');
    expect(recordIn(await read(beta, model)).status).toBe('processing');
    late.resolve();
    expect((await betaWaits).text).toContain('for beta');
    expect((await betaReads).text).toContain('for beta');
  });

  it('cancel their own call alone, where both run under one key', async () => {
    const model = unique('cancelled');
    const late = Promise.withResolvers<void>();
    alphas.script(model, { stall: 'headers' });
    betas.script(model, { ...ok('for beta'), after: late.promise });
    const call = { model, idempotency_key: model };
    await Promise.all([post(url, call, alpha), post(url, call, beta)]);
    await Promise.all([alphas.untilHits(model, 1), betas.untilHits(model, 1)]);
    expect((await act(url, model, 'cancel', undefined, alpha)).status).toBe(202);
    await alphas.untilAborted(model, 1);
    late.resolve();
    expect(recordIn(await read(beta, model, '?wait=20')).status).toBe('completed');
    expect(recordIn(await read(alpha, model, '?wait=20')).status).toBe('cancelled');
  });
});

describe("a project's upstream", () => {
  it("is the service's where it has none of its own", async () => {
    const model = unique('common');
    expect((await post(url, { model, wait: 20 }, plain)).status).toBe(200);
    expect(common.hits(model)[0]?.headers.authorization).toBe('Bearer sk-test');
  });

  it('is called with the new key from the next call on, when its file was replaced', async () => {
    const model = unique('rotated');
    const held = Promise.withResolvers<void>();
    betas.script(model, { ...ok(), after: held.promise }, ok());
    const before = post(url, { model, wait: 20 }, beta);
    await betas.untilHits(model, 1);
    await writeFile(betaKeyFile, 'sk-beta-2');
    expect((await post(url, { model, wait: 20 }, beta)).status).toBe(200);
    held.resolve();
    expect((await before).status).toBe(200);
    expect(betas.hits(model).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer sk-beta',
      'Bearer sk-beta-2',
    ]);
  });

  it('has headers of its own, whose values are read for each call, and no Authorization without a key', async () => {
    const model = unique('gated');
    const call = (headers: Record<string, string>): Promise<Answer> =>
      post(url, { model, wait: 20 }, { ...gated, ...headers });
    // What a caller sends changes nothing.
    expect((await call({ 'api-key': 'stranger', 'x-gateway': 'stranger' })).status).toBe(200);
    await writeFile(gateKeyFile, 'gate-2');
    expect((await call({})).status).toBe(200);
    const sent = betas.hits(model).map(({ headers }) => headers);
    expect(sent).toMatchObject([
      { 'api-key': 'gate-1', 'http-referer': 'https://app.example', 'x-gateway': 'gateway' },
      { 'api-key': 'gate-2', 'http-referer': 'https://app.example', 'x-gateway': 'gateway' },
    ]);
    expect(JSON.stringify(sent)).not.toMatch(/authorization|x-stainless|stranger/);
    await rm(gateKeyFile);
    await post(url, { model, idempotency_key: model }, gated);
    const waiting = await until(
      async () => recordIn(await read(gated, model)),
      ({ status }) => status === 'retrying',
    );
    expect(waiting.last_error_code).toBe('configuration_error');
    await writeFile(gateKeyFile, 'gate-3');
    expect(recordIn(await read(gated, model, '?wait=20')).status).toBe('completed');
    expect(betas.hits(model)).toHaveLength(3);
  });

  it('that cannot be called for want of its key is called once the operator has put that right', async () => {
    const model = unique('keyless');
    await post(url, { model, idempotency_key: model }, keyless);
    const waiting = await until(
      async () => recordIn(await read(keyless, model)),
      ({ status }) => status === 'retrying',
    );
    expect(waiting).toMatchObject({
      last_error_code: 'configuration_error',
      unknown_attempts: 0,
      attempt_log: [{ outcome: 'not_run', billed: 'no', phase: 'connect' }],
    });
    process.env['TEST_NOT_SET'] = 'sk-late';
    expect(recordIn(await read(keyless, model, '?wait=20'))).toMatchObject({ status: 'completed' });
    expect(betas.hits(model).map(({ headers }) => headers.authorization)).toEqual(['Bearer sk-late']);
    expect(common.hits(model)).toHaveLength(0);
  });
});

describe('a worker without the keys file', () => {
  it("sends no project's request to the upstream of the others", async () => {
    const ignorant = await startDeployment({
      upstreamURL: common.baseURL,
      worker: false,
      env: { REQRUN_KEYS_FILE: keys.path },
    });
    const worker = await startDeployment({
      upstreamURL: common.baseURL,
      env: { REQRUN_TASK_QUEUE: ignorant.taskQueue },
    });
    const model = unique('ignorant');
    await post(ignorant.url, { model, idempotency_key: model }, plain);
    await until(
      async () => recordIn(await get(ignorant.url, `/v1/requests/${model}`, plain)),
      ({ last_error_code }) => last_error_code === 'configuration_error',
    );
    expect(common.hits(model)).toHaveLength(0);
    await act(ignorant.url, model, 'cancel', undefined, plain);
    await worker.stop();
    await ignorant.stop();
  });
});
