import OpenAI, { BadRequestError, RateLimitError } from 'openai';
import { describe, expect, it } from 'vitest';
import { get, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { startLeavingCaller } from '../support/leaving-caller.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment } = await useDeployment();
const client = new OpenAI({
  baseURL: `${deployment.url}/v1`,
  apiKey: 'x',
  defaultHeaders: { Prefer: 'wait=60' },
});

const hello = [{ role: 'user' as const, content: 'hi' }];

describe('the official SDK with nothing changed but baseURL and a Prefer header', () => {
  it('gets its completion, with the record id where it shows request ids', async () => {
    const completion = await client.chat.completions.create({ model: unique('sdk'), messages: hello });
    expect(completion.choices[0]?.message.content).toBe('fine');
    expect((await readRecord(deployment.url, completion._request_id ?? '')).status).toBe('completed');
  });

  it('gets its own error classes, once: a recorded failure is never sent again by it', async () => {
    const model = unique('sdk-400');
    upstream.script(model, {
      answer: 400,
      body: { error: { code: 'context_length_exceeded', type: 'invalid_request_error', param: 'messages' } },
    });
    const failure = await client.chat.completions
      .create({ model, messages: hello })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BadRequestError);
    expect(failure).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    const quota = unique('sdk-429');
    upstream.script(quota, { answer: 429, body: { error: { code: 'insufficient_quota' } } });
    await expect(client.chat.completions.create({ model: quota, messages: hello })).rejects.toBeInstanceOf(
      RateLimitError,
    );
    expect([upstream.hits(model).length, upstream.hits(quota).length]).toEqual([1, 1]);
  });

  it('gets the async object without the header, and the result by its id', async () => {
    const plain = new OpenAI({ baseURL: `${deployment.url}/v1`, apiKey: 'x' });
    const accepted = await plain.chat.completions.create({ model: unique('sdk-async'), messages: hello });
    expect(accepted.object).toBe('chat.completion.async');
    const record = await readRecord(deployment.url, accepted.id, '?wait=20');
    expect(record).toMatchObject({
      status: 'completed',
      attempts: 1,
      result: { choices: [{ message: { content: 'fine' } }] },
    });
  });
});

describe('POST /v1/chat/completions', () => {
  it("sends the caller's own text without ReqRun's members, and answers with the upstream's own bytes", async () => {
    const model = unique('bytes');
    const theirs =
      '{ "object":"chat.completion", "big": 12345678901234567890, "choices":[{"finish_reason":"stop","message":{"content":"a"}}] }\n';
    upstream.script(model, { answer: 200, body: theirs });
    const ours = `{"wait":20, "model" : "${model}","x":{"wait":1},"messages":[{"role":"user","content":"\\u0041"}],"reqrun":{}, "temperature":1.50}`;
    const answer = await post(deployment.url, ours);
    expect(answer.text).toBe(theirs);
    expect(upstream.hits(model)[0]?.body).toBe(
      `{"model" : "${model}","x":{"wait":1},"messages":[{"role":"user","content":"\\u0041"}],"temperature":1.50}`,
    );
    const record = await get(deployment.url, `/v1/requests/${answer.headers.get('x-request-id')}`);
    expect(record.text).toContain('"big": 12345678901234567890');
  });

  it('answers 202 at the end of the wait, with where and when to look', async () => {
    const model = unique('wait');
    upstream.script(model, ok('late', 3_000));
    const answer = await post(deployment.url, { model, idempotency_key: model }, { Prefer: 'wait=1' });
    expect(answer.status).toBe(202);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      location: `/v1/requests/${model}`,
      'retry-after': '1',
      'preference-applied': 'wait=1',
      'x-request-id': model,
    });
    const record = await readRecord(deployment.url, model);
    expect(record).toMatchObject({
      status: 'processing',
      attempts: 1,
      attempt_log: [{ number: 1, status: 'running' }],
    });
    expect(JSON.parse(answer.text)).toMatchObject({
      status: 'processing',
      created: Math.floor(Date.parse(record.created_at) / 1000),
    });
    expect((await untilRecord(deployment.url, model, ({ terminal }) => terminal)).status).toBe('completed');
  });

  it('shows a completed record to a caller that reads right after a waiter got its answer', async () => {
    for (let round = 0; round < 20; round += 1) {
      const answer = await post(deployment.url, { model: unique('read'), wait: 20 });
      const record = await readRecord(deployment.url, answer.headers.get('x-request-id') ?? '');
      expect(record).toMatchObject({ status: 'completed', attempts: 1 });
    }
  });

  it('goes on without a caller that has left', async () => {
    const model = unique('left');
    const released = Promise.withResolvers<void>();
    upstream.script(model, { ...ok('alone'), after: released.promise });
    const caller = startLeavingCaller(deployment.url, { model, wait: 20, idempotency_key: model });
    await upstream.untilHits(model, 1);
    await caller.leave();
    released.resolve();
    expect(await readRecord(deployment.url, model, '?wait=20')).toMatchObject({
      status: 'completed',
      attempts: 1,
    });
  });
});
