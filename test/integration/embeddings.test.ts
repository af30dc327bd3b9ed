/** The second operation: what is of chat completions alone, and what holds for every operation. */
import type { Client } from '@temporalio/client';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { ReqRun } from '../../src/client/index.ts';
import { errorOf, postTo, readRecord, unique, untilRecord, type Answer } from '../support/api.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();
const LIST =
  '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,1e-7,12345678901234567890]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}';

function embed(fields: object): Promise<Answer> {
  return postTo(url, '/v1/embeddings', { model: 'm', input: 'text', ...fields });
}

describe('POST /v1/embeddings', () => {
  it("returns the upstream's exact bytes after one call of its path, and records the operation", async () => {
    const key = unique('embed');
    upstream.script(key, { answer: 200, body: LIST });
    const answer = await embed({ model: key, idempotency_key: key, dimensions: 3, wait: 20 });
    expect([answer.status, answer.text]).toEqual([200, LIST]);
    expect(upstream.hits(key).map(({ path }) => path)).toEqual(['/v1/embeddings']);
    expect(JSON.parse(upstream.hits(key)[0]?.body ?? '')).toEqual({
      model: key,
      input: 'text',
      dimensions: 3,
    });
    const record = await readRecord(url, key);
    expect(record).toMatchObject({
      operation: 'embeddings',
      status: 'completed',
      attempts: 1,
      usage: { prompt_tokens: 1, total_tokens: 1 },
    });
    const again = await embed({ model: key, idempotency_key: key, dimensions: 3 });
    expect([again.headers.get('idempotent-replayed'), again.text]).toEqual(['true', LIST]);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('answers with embedding.async while it is not finished', async () => {
    const key = unique('embed-async');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { answer: 200, body: LIST, after: release.promise });
    const answer = await embed({ model: key, idempotency_key: key });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([
      202,
      { id: key, object: 'embedding.async' },
    ]);
    release.resolve();
    await untilRecord(url, key, ({ status }) => status === 'completed');
  });

  it('is another request than a chat completion with the same key', async () => {
    const key = unique('embed-key');
    upstream.script(key, { answer: 200, body: LIST });
    await embed({ model: key, idempotency_key: key, wait: 20 });
    const chat = await postTo(url, '/v1/chat/completions', {
      model: key,
      messages: [{ role: 'user', content: 'text' }],
      idempotency_key: key,
    });
    expect([chat.status, errorOf(chat).code]).toEqual([422, 'idempotency_key_reused']);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it.each([
    ['no vectors', { object: 'list', data: [] }, 'upstream_invalid_response', 2],
    ['an entry without a vector', { object: 'list', data: [{ index: 0 }] }, 'upstream_incomplete', 2],
    ['an error inside a 200', { error: { code: 'insufficient_quota' } }, 'upstream_error_in_body', 1],
  ])('takes %s for no answer', async (_what, body, code, hits) => {
    const key = unique('embed-bad');
    upstream.script(key, { answer: 200, body });
    await embed({ model: key, idempotency_key: key });
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 20_000);
    expect([record.status, record.error?.code]).toEqual(['failed', code]);
    expect(upstream.hits(key)).toHaveLength(hits);
  });

  it.each([
    [{ input: undefined }, 'missing_field', 'input'],
    [{ input: 5 }, 'invalid_type', 'input'],
    [{ input: [] }, 'invalid_value', 'input'],
    [{ wait: 'long' }, 'invalid_type', 'wait'],
    [{ extra_body: {} }, 'unknown_field', 'extra_body'],
  ])('refuses %j', async (fields, code, param) => {
    const answer = await embed(fields);
    expect([answer.status, errorOf(answer)]).toMatchObject([400, { code, param }]);
  });

  it('lets `stream` pass, which means nothing here', async () => {
    const key = unique('embed-stream');
    upstream.script(key, { answer: 200, body: LIST });
    expect((await embed({ model: key, stream: true, wait: 20 })).status).toBe(200);
  });

  it('is named in Temporal by its operation', async () => {
    const key = unique('embed-ui');
    upstream.script(key, { answer: 200, body: LIST });
    await embed({ model: key, idempotency_key: key, wait: 20 });
    const client: Client = deployment.client;
    const { raw } = await client.workflow.getHandle(key).describe();
    const summary = raw.executionConfig?.userMetadata?.summary?.data;
    expect(Buffer.from(summary ?? []).toString()).toContain('embeddings');
  });
});

describe('the official client', () => {
  it('decodes what it asked for in base64, as ever', async () => {
    const key = unique('embed-sdk');
    const embedding = Buffer.from(Float32Array.from([0.25, -0.5]).buffer).toString('base64');
    upstream.script(key, {
      answer: 200,
      body: { object: 'list', data: [{ index: 0, embedding }], model: key },
    });
    const openai = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: 'unused',
      defaultHeaders: { prefer: 'wait=20' },
    });
    const { data } = await openai.embeddings.create({ model: key, input: ['a'] });
    expect(data[0]?.embedding).toEqual([0.25, -0.5]);
    expect(JSON.parse(upstream.hits(key)[0]?.body ?? '')).toMatchObject({ encoding_format: 'base64' });
  });

  it('typed by ReqRun sends one key with its own retries and knows both answers', async () => {
    const key = unique('embed-typed');
    upstream.script(key, { answer: 200, body: LIST, afterMs: 300 });
    const reqrun = new ReqRun({ baseURL: `${url}/v1` });
    const accepted = await reqrun.embeddings.create({ model: key, input: 'text', idempotency_key: key });
    if (accepted.object !== 'embedding.async') throw new Error('expected a 202');
    const record = await reqrun.requests.wait(accepted.id);
    expect([record.status, record.operation]).toEqual(['completed', 'embeddings']);
    const answer = await reqrun.embeddings.create({
      model: key,
      input: 'text',
      idempotency_key: key,
      wait: true,
    });
    expect(answer.object).toBe('list');
    expect(upstream.hits(key)).toHaveLength(1);
  });
});
