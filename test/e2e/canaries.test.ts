/**
 * Secrets and prompts stay inside: one service as `npm start` runs it, everything put in that must not come out,
 * and every place looked at in which it could stand.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { act, get, post, type Answer } from '../support/api.ts';
import { createCanaries } from '../support/canaries.ts';
import { createEmbeddedService } from '../support/embedded-service.ts';
import { newKey } from '../support/encryption.ts';
import { freePort } from '../support/free-port.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { exchange } from '../support/raw-http.ts';
import { completion, startScriptedUpstream } from '../support/scripted-upstream.ts';
import { sign } from '../support/sign.ts';
import { readAllFiles, readWholeServer } from '../support/whole-server.ts';

const canaries = createCanaries();
const { plant } = canaries;
const upstream = await startScriptedUpstream();
const keys = await makeKeysFile({
  billing: {
    upstream: {
      base_url: upstream.baseURL,
      api_key_env: 'BILLING_KEY',
      headers: { 'x-gateway-key': { env: 'GATEWAY_KEY' } },
    },
  },
});
const headersPath = join(keys.directory, 'headers.json');
await writeFile(headersPath, JSON.stringify({ headers: { 'api-key': { env: 'AZURE_KEY' } } }));
const metricsPort = await freePort();
const encryptionKey = newKey('k1');
const service = await createEmbeddedService({
  OPENAI_BASE_URL: upstream.baseURL,
  OPENAI_API_KEY: plant('upstream key'),
  BILLING_KEY: plant("project's upstream key"),
  GATEWAY_KEY: plant("project's header"),
  AZURE_KEY: plant('header'),
  REQRUN_UPSTREAM_HEADERS_FILE: headersPath,
  REQRUN_KEYS_FILE: keys.path,
  REQRUN_ENCRYPTION_KEYS: encryptionKey,
  REQRUN_LOG_LEVEL: 'trace',
  REQRUN_METRICS_PORT: String(metricsPort),
});
afterAll(async () => {
  await service.remove();
  await keys.remove();
  await upstream.close();
});

const plain = await keys.create('billing');
const ofDefault = await keys.create('default');
const signing = await keys.createSigned('billing');
const revoked = await keys.create('default');
await keys.revoke(revoked.id);
canaries.watch('API key', plain.key.slice(13));
canaries.watch('API key of the default project', ofDefault.key.slice(13));
canaries.watch('API key that signs', signing.key.slice(13));
canaries.watch('signing secret', signing.secret.slice(12));
canaries.watch('revoked API key', revoked.key.slice(13));
canaries.watch('encryption key', encryptionKey.slice(3));

const auth = bearer(plain.key);
const prompt = [{ role: 'user', content: plant('prompt') }];
const hiddenFields = {
  messages: prompt,
  user: plant('user'),
  metadata: { [plant('member name')]: plant('metadata') },
};
const inError = {
  answer: 400,
  headers: { 'x-upstream-secret': plant("upstream's header"), 'x-request-id': 'req_1' },
  body: {
    error: { message: plant("upstream's error"), code: 'bad_thing', type: `a ${plant("upstream's type")}` },
  },
};

/** Makes a text so large that it is in the blob store, and its body one that is read in a thread. */
const FILLER = 'x'.repeat(1_100_000);

/** Each ends in its own way; resolves to the answers that are no completion. */
async function makeRequests(url: string): Promise<Answer[]> {
  const ask = (id: string, headers: Record<string, string> = auth): Promise<Answer> =>
    post(url, { model: id, idempotency_key: id, wait: 20, ...hiddenFields }, headers);
  upstream.script('completes', {
    answer: 200,
    headers: inError.headers,
    body: completion({ content: plant('answer') }),
  });
  upstream.script('fails', inError);
  upstream.script(
    'retries',
    { ...inError, answer: 503, headers: { 'retry-after': '1' }, afterMs: 1_200 },
    inError,
  );
  upstream.script('breaks', { raw: `HTTP/1.1 200 OK\r\n\r\n{"${plant('half an answer')}` }, inError);
  upstream.script('is-cancelled', { ...inError, answer: 429, headers: { 'retry-after': '60' } });
  upstream.script('of-default', inError);
  expect((await ask('of-default', bearer(ofDefault.key))).status).toBe(400);
  const completed = await ask('completes');
  expect([completed.status, completed.text.includes(plant('answer'))]).toEqual([200, true]);
  const largeAnswer = `${plant('large answer')} ${FILLER}`;
  upstream.script('is-large', { answer: 200, body: completion({ content: largeAnswer }) });
  const messages = [{ role: 'user', content: `${plant('large prompt')} ${FILLER}` }];
  const large = await post(url, { model: 'is-large', idempotency_key: 'is-large', wait: 20, messages }, auth);
  expect([large.status, large.text.includes(largeAnswer)]).toEqual([200, true]);
  const failed = await Promise.all(['fails', 'retries', 'breaks'].map((id) => ask(id)));
  await post(url, { model: 'is-cancelled', idempotency_key: 'is-cancelled', ...hiddenFields }, auth);
  const waiting = await get(url, '/v1/requests/is-cancelled?wait=2', auth);
  await act(url, 'is-cancelled', 'cancel', undefined, auth);
  await act(url, 'fails', 'retry', undefined, auth);
  const body = JSON.stringify({ model: 'signed', ...hiddenFields, wait: 20 });
  const signed = await post(url, body, { ...bearer(signing.key), ...sign(signing.secret, { body }) });
  expect([signed.status, ...failed.map(({ status }) => status)]).toEqual([200, 400, 400, 400]);
  const records = ['fails', 'retries', 'breaks', 'is-cancelled'].map((id) =>
    get(url, `/v1/requests/${id}?wait=20`, auth),
  );
  return [...failed, waiting, ...(await Promise.all(records))];
}

/** Whatever is refused, with something in each part of it that no answer may repeat: all but the name of a field. */
async function makeRefusals(url: string): Promise<Answer[]> {
  const bad = plant('bad input');
  const calls = [
    ...[
      `{"model": "${bad}`,
      JSON.stringify({ model: 'm', messages: prompt, reqrun: { not_an_option: bad } }),
      JSON.stringify({ model: 'm', messages: prompt, wait: bad }),
      JSON.stringify({ model: 'm', messages: prompt, idempotency_key: `@${bad}` }),
      JSON.stringify({ model: 'm', messages: [{ role: bad, content: { [bad]: bad } }], stream: bad }),
      JSON.stringify({ messages: prompt, api_base: bad }),
    ].map((body) => post(url, body, auth)),
    post(url, { model: 'm', messages: [{ role: bad, content: bad + FILLER }], wait: bad }, auth),
    post(url, `{"model":"m","messages":[],"${bad}":1,"x":"${FILLER}","${bad}":2}`, auth),
    post(url, { messages: prompt }, { ...auth, 'content-type': `text/${bad}` }),
    post(url, { messages: prompt }, { ...auth, 'content-encoding': bad }),
    post(url, { model: 'completes', idempotency_key: 'completes', seed: 1, messages: prompt }, auth),
    post(url, { messages: prompt }, { authorization: `Bearer reqrun_live_${bad}` }),
    post(url, { messages: prompt }, bearer(revoked.key)),
    post(url, { messages: prompt }, { ...bearer(signing.key), 'x-reqrun-nonce': bad }),
    get(url, `/v1/requests/${bad}?wait=${bad}`, auth),
    get(url, `/v1/requests/${bad}`, auth),
    get(url, `/${bad}?api_key=${plain.key}`, { cookie: bad, referer: bad, 'user-agent': bad }),
    act(url, bad, 'retry', { not_an_option: bad }, auth),
  ];
  const raw = [`GET /${bad} HTTP/9.9\r\n\r\n`, `${bad} / HTTP/1.1\r\nhost: ${bad}\r\n\r\n`, `${bad}\r\n\r\n`];
  const broken = await Promise.all(raw.map((text) => exchange(url, Buffer.from(text))));
  const answers = [...(await Promise.all(calls)), ...broken.filter((answer) => answer !== null)];
  expect(answers.filter(({ status }) => status < 400 || status >= 500)).toEqual([]);
  return answers;
}

const wire = (answers: readonly Answer[]): Buffer =>
  Buffer.from(answers.map(({ headers, text }) => JSON.stringify([...headers]) + text).join('\n'));

describe('with encryption on', () => {
  it('no log, metric, answer, list, summary, history or file holds secrets, prompts or upstream texts', async () => {
    const first = await service.start();
    const ends = await makeRequests(service.url);
    const refusals = await makeRefusals(service.url);
    const metrics = await get(`http://127.0.0.1:${metricsPort}`, '/metrics');
    const server = await readWholeServer(service.temporalAddress, 6);
    // Mid-call: the attempt is interrupted, and made again by the next process.
    upstream.script('is-killed', { stall: 'headers' }, inError);
    await post(service.url, { model: 'is-killed', idempotency_key: 'is-killed', ...hiddenFields }, auth);
    await upstream.untilHits('is-killed', 1);
    await first.end('SIGKILL');
    const second = await service.start();
    const killed = await get(service.url, '/v1/requests/is-killed?wait=20', auth);
    await second.end('SIGTERM');

    // The upstream had all of it: what is looked for really went through.
    const [hit] = upstream.hits('completes');
    expect(hit?.body).toContain(plant('prompt'));
    expect(hit?.headers.authorization).toBe(`Bearer ${plant("project's upstream key")}`);
    expect(hit?.headers['x-gateway-key']).toBe(plant("project's header"));
    expect(upstream.hits('of-default')[0]?.headers['api-key']).toBe(plant('header'));
    expect(
      canaries.findIn([
        { name: 'answers of failures, and records', content: wire([...ends, killed]), witness: 'bad_thing' },
        { name: 'answers of refusals', content: wire(refusals), witness: 'idempotency_key_reused' },
        {
          name: 'log and output',
          content: Buffer.from(first.output() + second.output()),
          witness: '"request_id":"completes"',
        },
        { name: 'metrics', content: Buffer.from(metrics.text), witness: 'upstream_rejected' },
        { name: 'list, with search attributes', content: server.list, witness: '@billing/completes' },
        { name: 'descriptions', content: server.descriptions, witness: 'binary/encrypted' },
        { name: 'histories', content: server.histories, witness: 'upstream_overloaded' },
        { name: 'queries', content: server.queries, witness: 'binary/encrypted' },
        {
          name: 'database and data directory',
          content: await readAllFiles(service.dataDir),
          witness: '@billing/',
        },
        {
          name: 'blob store',
          content: await readAllFiles(join(service.dataDir, 'blobs')),
          witness: '@billing/is-large',
        },
        { name: 'keys file', content: await readAllFiles(keys.directory), witness: '"billing"' },
      ]),
    ).toEqual([]);
  });
});
