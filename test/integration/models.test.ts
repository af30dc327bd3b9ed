/** The models of the upstream: not durable, bounded in time, and filtered by the project. */
import OpenAI from 'openai';
import { afterAll, describe, expect, it } from 'vitest';
import { errorOf, get } from '../support/api.ts';
import { makeKeysFile } from '../support/keys-file.ts';
import { startDeployment } from '../support/deployment.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment({ worker: false });
const LIST = '{"object":"list", "data":[{"id":"a","object":"model"},{"id":"b/c","n":1e-7}]}';
const PATH = '/v1/models';

describe('GET /v1/models', () => {
  it("passes the upstream's bytes through, also while no worker is up", async () => {
    upstream.script(PATH, { answer: 200, body: LIST });
    const answer = await get(url, PATH);
    expect([answer.status, answer.text]).toEqual([200, LIST]);
    const ids: string[] = [];
    for await (const { id } of new OpenAI({ baseURL: `${url}/v1`, apiKey: 'x' }).models.list()) ids.push(id);
    expect(ids).toEqual(['a', 'b/c']);
  });

  it.each(['/v1/models/b%2Fc', '/v1/models/b/c'])(
    'describes one model, with a slash in its name: %s',
    async (path) => {
      upstream.script('/v1/models/b%2Fc', { answer: 200, body: '{"id":"b/c"}' });
      expect((await get(url, path)).text).toBe('{"id":"b/c"}');
    },
  );

  it.each([
    [404, { error: { code: 'model_not_found' } }, 404, 'model_not_found', 'false'],
    [401, { error: { code: 'invalid_api_key' } }, 502, 'invalid_api_key', 'false'],
    [429, {}, 429, 'upstream_rate_limited', 'true'],
    [503, { error: { message: 'overloaded' } }, 503, 'upstream_overloaded', 'true'],
    [200, '<html>', 502, 'upstream_invalid_response', 'true'],
  ])(
    'answers a %d of the upstream in the words of a failure',
    async (status, body, expected, code, retry) => {
      upstream.script('/v1/models/m', { answer: status, body });
      const answer = await get(url, '/v1/models/m');
      expect([answer.status, errorOf(answer).code, answer.headers.get('x-should-retry')]).toEqual([
        expected,
        code,
        retry,
      ]);
    },
  );

  it('asks once, because a caller can ask again', async () => {
    upstream.script('/v1/models/once', { answer: 503, body: {} });
    await get(url, '/v1/models/once');
    expect(upstream.hits('/v1/models/once')).toHaveLength(1);
  });

  it('ends after ten seconds, because nothing is kept for later', async () => {
    upstream.script('/v1/models/slow', { stall: 'headers' });
    const answer = await get(url, '/v1/models/slow');
    expect([answer.status, errorOf(answer).code]).toEqual([504, 'upstream_timeout']);
    await upstream.untilAborted('/v1/models/slow', 1);
  });
});

describe('the models of a project', async () => {
  const own = await startScriptedUpstream();
  const projects = { listed: { models: ['a'] }, apart: { upstream: { base_url: own.baseURL } } };
  const keys = await makeKeysFile(projects);
  const { key: listed } = await keys.create('listed');
  const { key: apart } = await keys.create('apart');
  const deployment = await startDeployment({
    upstreamURL: upstream.baseURL,
    worker: false,
    env: { REQRUN_KEYS_FILE: keys.path },
  });
  afterAll(async () => {
    await deployment.stop();
    await own.close();
    await keys.remove();
  });
  const asked = (path: string, key?: string) =>
    get(deployment.url, path, key === undefined ? {} : { authorization: `Bearer ${key}` });

  it('are those of its list', async () => {
    upstream.script(PATH, { answer: 200, body: LIST });
    upstream.script('/v1/models/a', { answer: 200, body: '{"id":"a"}' });
    expect(JSON.parse((await asked(PATH, listed)).text)).toEqual({
      object: 'list',
      data: [{ id: 'a', object: 'model' }],
    });
    expect((await asked('/v1/models/a', listed)).status).toBe(200);
    const refused = await asked('/v1/models/b', listed);
    expect([refused.status, errorOf(refused).code]).toEqual([403, 'model_not_allowed']);
  });

  it('come from its own upstream', async () => {
    own.script(PATH, { answer: 200, body: '{"data":[]}' });
    expect((await asked(PATH, apart)).text).toBe('{"data":[]}');
  });

  it('are for callers with a key alone', async () => {
    expect(errorOf(await asked(PATH)).code).toBe('missing_api_key');
  });
});
