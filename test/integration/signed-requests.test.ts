/** Signed requests end to end: the official SDK, the typed client, and replays to another process. */
import OpenAI from 'openai';
import { ReqRun, signedFetch } from 'reqrun/client';
import { afterAll, describe, expect, it } from 'vitest';
import { errorOf, post, recordIn, get, unique } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { ok } from '../support/scripted-upstream.ts';
import { sign } from '../support/sign.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const keys = await makeKeysFile({ limited: { limits: { requests_per_minute: 2 } } });
afterAll(() => keys.remove());
const { key, secret } = await keys.createSigned('billing');
const env = { REQRUN_KEYS_FILE: keys.path };
const { url, upstream } = await useDeployment({ env });

const messages = [{ role: 'user' as const, content: 'hi' }];
const bodyOf = (fields: object): string => JSON.stringify({ messages, ...fields });

describe('a signed request', () => {
  it('is what the official SDK sends with a fetch that signs', async () => {
    const openai = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: key,
      fetch: signedFetch({ signingSecret: secret }),
    });
    const model = unique('sdk');
    upstream.script(model, ok('signed'));
    const completion = await openai.chat.completions.create(
      { model, messages },
      { headers: { prefer: 'wait=20' } },
    );
    expect(completion.choices[0]?.message.content).toBe('signed');
    // Nothing of the signature goes on to the upstream.
    expect(
      Object.keys(upstream.hits(model)[0]?.headers ?? {}).filter((name) => name.includes('reqrun')),
    ).toEqual([]);
  });

  it('is sent by the typed client with a signing secret, with one idempotency key per call in the body', async () => {
    const sent: string[] = [];
    const client = new ReqRun({
      baseURL: `${url}/v1`,
      apiKey: key,
      signingSecret: secret,
      // The answer of the first is lost, so that the client sends the call again.
      fetch: async (input, init) => {
        sent.push(String(init?.body));
        const answer = await fetch(input, init);
        if (sent.length === 1) throw new TypeError('the answer was lost');
        return answer;
      },
    });
    const model = unique('typed');
    upstream.script(model, ok('once', 300));
    const answer = await client.chat.completions.create({ model, messages, wait: 20 });
    expect(answer.object).toBe('chat.completion');
    expect(upstream.hits(model)).toHaveLength(1);
    expect(new Set(sent).size).toBe(1);
    expect(sent[0]).toMatch(/"idempotency_key":"[0-9a-f-]{36}"/);
  });

  it('is what a copy of the typed client with other options sends too', async () => {
    const client = new ReqRun({ baseURL: `${url}/v1`, apiKey: key, signingSecret: 'another' });
    const copy = client.withOptions({ signingSecret: secret, timeout: 20_000 });
    const model = unique('copy');
    await copy.withOptions({ maxRetries: 1 }).chat.completions.create({ model, messages, wait: 20 });
    expect(upstream.hits(model)).toHaveLength(1);
    await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({
      code: 'invalid_signature',
    });
  });

  it('that is forged does not use up the limits of the key’s project', async () => {
    const limited = await keys.createSigned('limited');
    await until(
      () => post(url, {}, bearer(limited.key)),
      ({ text }) => text.includes('missing_signature'),
      5_000,
    );
    const body = bodyOf({ model: unique('limited'), wait: 20 });
    for (let nth = 0; nth < 3; nth += 1) {
      const forged = await post(url, body, { ...bearer(limited.key), ...sign('forged', { body }) });
      expect(errorOf(forged).code).toBe('invalid_signature');
    }
    const answers = [];
    for (let nth = 0; nth < 3; nth += 1) {
      answers.push(await post(url, body, { ...bearer(limited.key), ...sign(limited.secret, { body }) }));
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
  });

  it('acts on records as well', async () => {
    const client = new ReqRun({ baseURL: `${url}/v1`, apiKey: key, signingSecret: secret });
    const model = unique('acts');
    upstream.script(model, { answer: 400, body: {} }, ok('after all'));
    await client.chat.completions.create({ model, messages, idempotency_key: model });
    expect((await client.requests.wait(model)).status).toBe('failed');
    await client.requests.retry(model);
    expect((await client.requests.wait(model)).status).toBe('completed');
    await client.requests.delete(model);
    const refused = await get(url, `/v1/requests/${model}`, bearer(key));
    expect([refused.status, errorOf(refused).code]).toEqual([401, 'missing_signature']);
  });

  it('makes one call when it is replayed to another process, also without an idempotency key', async () => {
    const other = await startDeployment({ upstreamURL: upstream.baseURL, env });
    try {
      const model = unique('replay');
      upstream.script(model, ok('once', 200));
      const body = bodyOf({ model, wait: 20 });
      const headers = { ...bearer(key), ...sign(secret, { body }) };
      const first = await post(url, body, headers);
      const here = await post(url, body, headers);
      const there = await post(other.url, body, headers);
      expect([first.status, errorOf(here).code]).toEqual([200, 'nonce_reused']);
      expect([there.status, there.headers.get('idempotent-replayed'), there.text]).toEqual([
        200,
        'true',
        first.text,
      ]);
      const id = first.headers.get('x-request-id') ?? '';
      expect(there.headers.get('x-request-id')).toBe(id);
      expect(id).toMatch(/^rr_[a-z2-7]{32}$/);
      expect(upstream.hits(model)).toHaveLength(1);
      const target = `/v1/requests/${id}`;
      const record = await get(url, target, {
        ...bearer(key),
        ...sign(secret, { method: 'GET', target }),
      });
      expect(recordIn(record)).toMatchObject({ id, attempts: 1, status: 'completed' });
    } finally {
      await other.stop();
    }
  });

  it('is signed over the bytes of the body, so the same JSON in other bytes is refused', async () => {
    const body = bodyOf({ model: 'm' });
    const headers = { ...bearer(key), ...sign(secret, { body: body.replace('hi', '\\u0068i') }) };
    const answer = await post(url, body, headers);
    expect([answer.status, errorOf(answer).code]).toEqual([401, 'invalid_signature']);
  });
});
