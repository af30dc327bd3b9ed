/** The operations that are durable in the same way as embeddings: by one row and one schema each. */
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { ReqRun } from '../../src/client/index.ts';
import type { Operation } from '../../src/domain/operations.ts';
import { errorOf, postTo, readRecord, unique, untilRecord } from '../support/api.ts';
import { NO_MODEL } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment, url } = await useDeployment();

interface Plain {
  readonly operation: Operation;
  readonly path: string;
  readonly asyncObject: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Whole, as the upstream writes it. */
  readonly answer: string;
  readonly unfinished: object;
  readonly required: string;
}

const PLAIN: readonly Plain[] = [
  {
    operation: 'completions',
    path: '/v1/completions',
    asyncObject: 'text_completion.async',
    body: { prompt: 'Say this', max_tokens: 7, seed: 1 },
    answer:
      '{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"This","index":0,"finish_reason":"stop"}]}',
    unfinished: { choices: [{ text: '', finish_reason: null }] },
    required: 'prompt',
  },
  {
    operation: 'moderations',
    path: '/v1/moderations',
    asyncObject: 'moderation.async',
    body: { input: ['a', 'b'] },
    answer:
      '{"id":"modr-1","model":"m","results":[{"flagged":false,"category_scores":{"violence":1e-9}},{"flagged":true}]}',
    unfinished: { results: [{ categories: {} }] },
    required: 'input',
  },
  {
    operation: 'images.generations',
    path: '/v1/images/generations',
    asyncObject: 'image.async',
    body: { prompt: 'A cat', size: '1024x1024', background: 'transparent' },
    answer: '{"created":1, "data":[{"b64_json":"AAAA"}],"usage":{"total_tokens":5}}',
    unfinished: { data: [{ revised_prompt: 'A cat' }] },
    required: 'prompt',
  },
];

describe.each(PLAIN)('POST $path', ({ operation, path, asyncObject, body, answer, unfinished, required }) => {
  it("returns the upstream's exact bytes after one call of its path, and records the operation", async () => {
    const key = unique('plain');
    upstream.script(key, { answer: 200, body: answer });
    const sent = { model: key, ...body };
    const first = await postTo(url, path, { ...sent, idempotency_key: key, wait: 20 });
    expect([first.status, first.text]).toEqual([200, answer]);
    expect(upstream.hits(key).map((hit) => [hit.path, JSON.parse(hit.body)])).toEqual([[path, sent]]);
    expect(await readRecord(url, key)).toMatchObject({
      operation,
      model: key,
      status: 'completed',
      attempts: 1,
    });
    const again = await postTo(url, path, { ...sent, idempotency_key: key });
    expect([again.headers.get('idempotent-replayed'), again.text]).toEqual(['true', answer]);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('answers with an object of its own while it is not finished', async () => {
    const key = unique('plain-async');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { answer: 200, body: answer, after: release.promise });
    const accepted = await postTo(url, path, { model: key, ...body, idempotency_key: key });
    expect([accepted.status, JSON.parse(accepted.text)]).toMatchObject([
      202,
      { id: key, object: asyncObject },
    ]);
    release.resolve();
    await untilRecord(url, key, ({ status }) => status === 'completed');
  });

  it('takes an unfinished result for no answer, after two calls', async () => {
    const key = unique('plain-bad');
    upstream.script(key, { answer: 200, body: unfinished });
    await postTo(url, path, { model: key, ...body, idempotency_key: key });
    const record = await untilRecord(url, key, ({ terminal }) => terminal, 20_000);
    expect([record.status, record.error?.code]).toEqual(['failed', 'upstream_incomplete']);
    expect(upstream.hits(key)).toHaveLength(2);
  });

  it('names the missing field', async () => {
    const answered = await postTo(url, path, { model: 'm', ...body, [required]: undefined });
    expect([answered.status, errorOf(answered)]).toMatchObject([
      400,
      { code: 'missing_field', param: required },
    ]);
  });
});

describe('a call that names no model', () => {
  it.each(PLAIN.filter(({ operation }) => operation !== 'completions'))(
    'of $operation is accepted, because OpenAI has a default; the record then has null',
    async ({ path, body, answer }) => {
      const key = unique('no-model');
      upstream.script(NO_MODEL, { answer: 200, body: answer });
      const answered = await postTo(url, path, { ...body, idempotency_key: key, wait: 20 });
      expect([answered.status, answered.text]).toEqual([200, answer]);
      expect(await readRecord(url, key)).toMatchObject({ model: null, status: 'completed' });
      const { raw } = await deployment.client.workflow.getHandle(key).describe();
      const summary = raw.executionConfig?.userMetadata?.summary?.data;
      expect(Buffer.from(summary ?? []).toString()).not.toContain('null');
    },
  );

  it('of completions is refused', async () => {
    const answered = await postTo(url, '/v1/completions', { prompt: 'x' });
    expect(errorOf(answered)).toMatchObject({ code: 'missing_field', param: 'model' });
  });
});

it('images refuse stream: true, because it is not supported for them', async () => {
  const fields = { model: 'm', prompt: 'x', stream: true };
  const answered = await postTo(url, '/v1/images/generations', fields);
  expect([answered.status, errorOf(answered).code]).toEqual([400, 'stream_not_supported']);
});

describe('the clients', () => {
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'x', defaultHeaders: { prefer: 'wait=20' } });
  const reqrun = new ReqRun({ baseURL: `${url}/v1` });
  const [completion = '', moderation = '', image = ''] = PLAIN.map(({ answer }) => answer);

  it('of OpenAI get their answers', async () => {
    const model = unique('plain-sdk');
    upstream.script(model, { answer: 200, body: completion });
    expect((await openai.completions.create({ model, prompt: 'x' })).choices[0]?.text).toBe('This');
    upstream.script(NO_MODEL, { answer: 200, body: moderation });
    expect((await openai.moderations.create({ input: 'x' })).results[1]?.flagged).toBe(true);
    upstream.script(NO_MODEL, { answer: 200, body: image });
    expect((await openai.images.generate({ prompt: 'x' })).data?.[0]?.b64_json).toBe('AAAA');
  });

  it('typed by ReqRun have keys of their own, both answers, and wait for any operation', async () => {
    const keys = [unique('typed-c'), unique('typed-m'), unique('typed-i')] as const;
    for (const [nth, key] of keys.entries())
      upstream.script(key, { answer: 200, body: PLAIN[nth]?.answer, afterMs: 200 });
    const [c, m, i] = keys;
    const accepted = [
      await reqrun.completions.create({ model: c, prompt: 'x', idempotency_key: c }),
      await reqrun.moderations.create({ model: m, input: 'x', idempotency_key: m }),
      await reqrun.images.generate({ model: i, prompt: 'x', idempotency_key: i }),
    ];
    expect(accepted.map((one) => ('object' in one ? one.object : null))).toEqual(
      PLAIN.map(({ asyncObject }) => asyncObject),
    );
    const records = await Promise.all(keys.map((key) => reqrun.requests.wait(key)));
    expect(records.map(({ status, operation }) => [status, operation])).toEqual(
      PLAIN.map(({ operation }) => ['completed', operation]),
    );
    const images = await reqrun.images.generate({ model: i, prompt: 'x', idempotency_key: i, wait: true });
    expect('object' in images ? null : images.data?.length).toBe(1);
    expect(keys.map((key) => upstream.hits(key).length)).toEqual([1, 1, 1]);
  });
});
