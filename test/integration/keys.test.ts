/** API keys: who is let in, and who is refused with what. */
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { afterAll, describe, expect, it } from 'vitest';
import { newApiKey } from '../../src/keys/api-key.ts';
import { errorOf, get, post, unique, type Answer } from '../support/api.ts';
import { captureLog } from '../support/captured-log.ts';
import { bearer, makeKeysFile } from '../support/keys-file.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const keys = await makeKeysFile();
afterAll(() => keys.remove());
const billing = await keys.create('billing');
const { log, lines: logged } = captureLog('trace');
const { url, upstream } = await useDeployment({ env: { REQRUN_KEYS_FILE: keys.path }, log });

const UNKNOWN = newApiKey('live', randomBytes);
const PATHS = ['/v1/requests/some-id', '/v1/requests/some-id?wait=1'];

const asked = (authorization: string | null): Promise<Answer> =>
  get(url, '/v1/requests/nothing', authorization === null ? {} : { authorization });
const statusAndCode = (answer: Answer): [number, string | null] => [answer.status, errorOf(answer).code];
/** All that a caller can see of an answer, but for the time of day. */
const seen = ({ status, headers, text: body }: Answer): unknown => [
  status,
  [...headers].filter(([name]) => name !== 'date'),
  body,
];

describe('with a keys file, a caller', () => {
  it.each([
    ['no Authorization (1)', null, 'missing_api_key'],
    ['another scheme (2)', 'Basic dXNlcjpwYXNz', 'invalid_authorization_scheme'],
    ['a key without a scheme', UNKNOWN, 'invalid_authorization_scheme'],
    ['an empty token (3)', 'Bearer ', 'missing_api_key'],
    ['a malformed token (4)', 'Bearer sk-proj-123', 'invalid_api_key'],
    ['a token with a wrong checksum (4)', `Bearer ${UNKNOWN.slice(0, -1)}_`, 'invalid_api_key'],
    ['a well-formed unknown token (5)', `Bearer ${UNKNOWN}`, 'invalid_api_key'],
    ['a token of 10 kB (8)', `Bearer reqrun_live_${'a'.repeat(10_000)}`, 'invalid_api_key'],
    ['a token with SQL and quotes (9)', `Bearer reqrun_live_' OR "1"='1`, 'invalid_api_key'],
    ['two tokens in one header', `Bearer ${billing.key}, Bearer ${billing.key}`, 'invalid_api_key'],
  ])('with %s gets a 401', async (_what, authorization, code) => {
    const answer = await asked(authorization);
    expect(statusAndCode(answer)).toEqual([401, code]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'www-authenticate': 'Bearer',
      'x-should-retry': 'false',
    });
  });

  it('with two Authorization headers gets a 400, whichever is valid (7)', async () => {
    for (const [first, second] of [
      [billing.key, UNKNOWN],
      [UNKNOWN, billing.key],
    ]) {
      const headers = [
        'Host',
        'localhost',
        'Authorization',
        `Bearer ${first}`,
        'Authorization',
        `Bearer ${second}`,
      ];
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      request(`${url}/v1/requests/x`, { headers }, (answer) => {
        text(answer).then(resolve, reject);
      })
        .once('error', reject)
        .end();
      expect(JSON.parse(await promise)).toMatchObject({ error: { code: 'duplicate_header' } });
    }
  });

  it('with its key in the query gets a 401, and the key is in no log (10)', async () => {
    for (const path of PATHS) {
      const joint = path.includes('?') ? '&' : '?';
      const answer = await get(url, `${path}${joint}api_key=${billing.key}`);
      expect(statusAndCode(answer)).toEqual([401, 'missing_api_key']);
    }
    expect(logged.join('')).not.toContain(billing.key.slice(12));
  });

  it('is told the same of a malformed, an unknown and a revoked key (4, 5, 6)', async () => {
    const revoked = await keys.create('billing');
    await until(
      () => asked(`Bearer ${revoked.key}`),
      ({ status }) => status === 404,
      5_000,
    );
    await keys.revoke(revoked.id);
    await until(
      () => asked(`Bearer ${revoked.key}`),
      ({ status }) => status === 401,
      5_000,
    );
    const answers = await Promise.all(
      ['malformed', UNKNOWN, revoked.key].map(async (key) => seen(await asked(`Bearer ${key}`))),
    );
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
  });

  it('is refused on every route of /v1 and with every method, before its body is looked at', async () => {
    const answers = await Promise.all([
      post(url, 'no json'),
      ...['cancel', 'retry'].map((action) =>
        fetch(`${url}/v1/requests/x/${action}`, { method: 'POST' }).then(toAnswer),
      ),
      ...['DELETE', 'PUT'].map((method) => fetch(`${url}/v1/requests/x`, { method }).then(toAnswer)),
    ]);
    expect(answers.map(statusAndCode)).toEqual(answers.map(() => [401, 'missing_api_key']));
    expect(statusAndCode(await get(url, '/v1/nothing?secret=1'))).toEqual([404, 'not_found']);
  });

  it('needs no key for health, readiness and the API description', async () => {
    const answers = await Promise.all(['/healthz', '/readyz', '/openapi.json'].map((path) => get(url, path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('with the official SDK needs nothing but its key and the address', async () => {
    const client = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: billing.key,
      defaultHeaders: { Prefer: 'wait=60' },
    });
    const messages = [{ role: 'user' as const, content: 'hi' }];
    const completion = await client.chat.completions.create({ model: unique('sdk'), messages });
    expect(completion.choices[0]?.message.content).toBe('fine');
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: UNKNOWN });
    await expect(stranger.chat.completions.create({ model: 'sdk', messages })).rejects.toMatchObject({
      status: 401,
      code: 'invalid_api_key',
    });
    expect(upstream.hits('sdk')).toHaveLength(0);
  });

  it('may send the scheme in any case', async () => {
    expect((await asked(`bearer ${billing.key}`)).status).toBe(404);
  });
});

describe('the log', () => {
  it('names the project and has no key in it, nor any part of one', async () => {
    const model = unique('canary');
    await post(url, { model, wait: 20 }, bearer(billing.key));
    await until(
      () => logged.join(''),
      (all) => all.includes('attempt succeeded') && all.includes('"status":200'),
    );
    const all = logged.join('');
    expect(all).toContain('"project":"billing"');
    for (const key of [billing.key, UNKNOWN]) expect(all).not.toContain(key.slice(12, 30));
    expect(all.toLowerCase()).not.toContain('bearer');
  });
});

async function toAnswer(response: Response): Promise<Answer> {
  return { status: response.status, headers: response.headers, text: await response.text() };
}
