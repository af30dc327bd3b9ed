/** OpenAI's Responses, over an upstream that knows no background: what callers see in every state. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorOf, get, postTo, readRecord, unique, untilRecord, type Answer } from '../support/api.ts';
import { responseOf } from '../support/scripted-upstream.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url, deployment } = await useDeployment({ env: { REQRUN_MAX_WAIT_SECONDS: '3' } });

const Shown = z.looseObject({ id: z.string(), status: z.string(), model: z.string().nullable() });
type Shown = z.infer<typeof Shown>;
const shown = ({ text }: Answer): Shown => Shown.parse(JSON.parse(text));

function create(model: string, fields: object = {}, headers: Record<string, string> = {}): Promise<Answer> {
  return postTo(url, '/v1/responses', { model, input: 'hi', idempotency_key: model, ...fields }, headers);
}
const retrieve = (id: string, query = ''): Promise<Answer> => get(url, `/v1/responses/${id}${query}`);
const act = async (id: string, method: string, action = ''): Promise<Answer> => {
  const answer = await fetch(`${url}/v1/responses/${id}${action}`, { method });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};
const THEIRS = `{ "id":"resp_up","object":"response","status":"completed","background":false,"model":"m","output":[],"n":1e-7,"previous_response_id":null }`;
const OURS = (id: string, background = false): string =>
  THEIRS.replace('"resp_up"', `"${id}"`).replace('"background":false', `"background":${background}`);

describe('POST /v1/responses', () => {
  it("holds the call and answers the upstream's bytes under its own id, in the record the upstream's", async () => {
    const key = unique('held');
    upstream.script(key, { answer: 200, body: THEIRS, afterMs: 200 });
    const answer = await create(key, { store: false, background: null });
    expect([answer.status, answer.text]).toEqual([200, OURS(key)]);
    expect(upstream.hits(key).map(({ path, body }) => [path, JSON.parse(body)])).toEqual([
      ['/v1/responses', { model: key, input: 'hi', store: false }],
    ]);
    const record = await get(url, `/v1/requests/${key}`);
    expect(record.text).toContain(THEIRS);
    expect(await readRecord(url, key)).toMatchObject({
      operation: 'responses',
      upstream_response_id: 'resp_up',
      usage: null,
    });
    expect((await retrieve(key)).text).toBe(OURS(key));
    const replay = await create(key, { store: false, background: true });
    expect([replay.headers.get('idempotent-replayed'), replay.text]).toEqual(['true', OURS(key)]);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('with background answers at once, and the Response goes from queued to completed under one id', async () => {
    const key = unique('background');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { answer: 200, body: THEIRS, after: release.promise });
    const answer = await create(key, { background: true, metadata: { a: 'b' } });
    expect(answer.status).toBe(200);
    expect(shown(answer)).toMatchObject({
      id: key,
      object: 'response',
      status: 'queued',
      background: true,
      output: [],
      error: null,
      metadata: { a: 'b' },
    });
    await upstream.untilHits(key, 1);
    expect(JSON.parse(upstream.hits(key)[0]?.body ?? '')).toEqual({
      model: key,
      input: 'hi',
      metadata: { a: 'b' },
    });
    const running = await until(
      () => retrieve(key),
      (one) => shown(one).status === 'in_progress',
    );
    expect(running.headers.get('openai-poll-after-ms')).toBe('1000');
    expect(shown(running)).toMatchObject({ id: key, metadata: { a: 'b' }, background: true });
    release.resolve();
    const done = await until(
      () => retrieve(key),
      (one) => shown(one).status === 'completed',
    );
    expect(done.text).toBe(OURS(key, true));
    expect(done.headers.get('openai-poll-after-ms')).toBe(null);
    expect((await create(key, { background: true, metadata: { a: 'b' } })).text).toBe(OURS(key, true));
  });

  it('says 504 where a caller that named no wait would take anything else for its answer', async () => {
    const key = unique('too-slow');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { answer: 200, body: THEIRS, after: release.promise });
    const answer = await create(key);
    expect([answer.status, errorOf(answer).code]).toEqual([504, 'response_not_ready']);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-should-retry': 'false',
      'x-request-id': key,
      location: `/v1/responses/${key}`,
    });
    release.resolve();
    await untilRecord(url, key, ({ status }) => status === 'completed');
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it.each<[string, object, Record<string, string>]>([
    ['wait', { wait: 0.2 }, {}],
    ['wait: false', { wait: false }, {}],
    ['Prefer: wait', {}, { prefer: 'wait=0' }],
    ['Prefer: respond-async', {}, { prefer: 'respond-async' }],
  ])(
    'answers 202 with the Response as it stands, where the caller named %s',
    async (_what, fields, headers) => {
      const key = unique('named');
      const release = Promise.withResolvers<void>();
      upstream.script(key, { answer: 200, body: THEIRS, after: release.promise });
      const answer = await create(key, fields, headers);
      expect([answer.status, shown(answer).id]).toEqual([202, key]);
      expect(['queued', 'in_progress']).toContain(shown(answer).status);
      expect(answer.headers.get('location')).toBe(`/v1/responses/${key}`);
      expect(answer.headers.get('retry-after')).toBe('1');
      release.resolve();
      expect((await create(key, { wait: 3 })).text).toBe(OURS(key));
    },
  );

  it('holds a background call that names a wait', async () => {
    const key = unique('held-background');
    upstream.script(key, { answer: 200, body: THEIRS, afterMs: 100 });
    expect((await create(key, { background: true }, { prefer: 'wait=3' })).text).toBe(OURS(key, true));
  });

  it.each([
    [
      'stream: true with a start time',
      { stream: true, reqrun: { run_at: 60 } },
      'stream_not_supported',
      'reqrun.run_at',
    ],
    ['a background that is no boolean', { background: 'yes' }, 'invalid_type', 'background'],
    ['input that is a number', { input: 5 }, 'invalid_type', 'input'],
    ['base_url', { base_url: 'x' }, 'unknown_field', 'base_url'],
  ])('refuses %s', async (_what, fields, code, param) => {
    const answer = await create(unique('bad'), fields);
    expect([answer.status, errorOf(answer)]).toMatchObject([400, { code, param }]);
  });
});

describe('a Response that failed', () => {
  it('is an error for a caller that waits, and a failed Response for one that polls', async () => {
    const key = unique('failed');
    upstream.script(key, { answer: 429, body: { error: { code: 'insufficient_quota' } } });
    const waiting = await create(key);
    expect([waiting.status, waiting.headers.get('x-reqrun-error-code')]).toEqual([
      429,
      'upstream_quota_exhausted',
    ]);
    const polled = await retrieve(key);
    const error = { code: 'rate_limit_exceeded', type: 'upstream_quota_exhausted' };
    expect([polled.status, shown(polled)]).toMatchObject([
      200,
      { id: key, status: 'failed', error, output: [] },
    ]);
    const again = await create(key, { background: true });
    expect([again.status, shown(again)]).toMatchObject([200, { id: key, status: 'failed', error }]);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('inside a 200 is classified by its own code, and has it', async () => {
    const key = unique('failed-inside');
    const error = { code: 'invalid_prompt', message: 'secret text' };
    upstream.script(key, { answer: 200, body: responseOf({ status: 'failed', error }) });
    await create(key, { background: true });
    await untilRecord(url, key, ({ terminal }) => terminal);
    const polled = await retrieve(key);
    expect(shown(polled)).toMatchObject({
      status: 'failed',
      error: { code: 'invalid_prompt', type: 'upstream_error_in_body' },
    });
    expect(polled.text).not.toContain('secret');
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('of the upstream with background of its own is followed to its end within one attempt', async () => {
    const [key, id] = [unique('followed'), unique('resp')];
    upstream.script(key, { answer: 200, body: responseOf({ id, status: 'queued', output: [] }) });
    upstream.script(`/v1/responses/${id}`, { answer: 200, body: responseOf({ id }) });
    expect(shown(await create(key, { wait: 3 }))).toMatchObject({ id: key, status: 'completed' });
    expect(await readRecord(url, key)).toMatchObject({
      attempts: 1,
      upstream_response_id: id,
      usage: { total_tokens: 15 },
    });
    expect(upstream.hits(key)).toHaveLength(1);
  });
});

describe('previous_response_id', () => {
  it("of one of our own is the upstream's at the upstream, and ours for the caller", async () => {
    const [first, second] = [unique('turn-1'), unique('turn-2')];
    upstream.script(first, { answer: 200, body: responseOf({ id: 'resp_first' }) });
    await create(first);
    upstream.script(second, {
      answer: 200,
      body: responseOf({ id: 'resp_second', previous_response_id: 'resp_first' }),
    });
    const fields = { previous_response_id: first };
    const queued = await create(second, { ...fields, background: true });
    expect(shown(queued)).toMatchObject({ previous_response_id: first });
    await untilRecord(url, second, ({ terminal }) => terminal);
    expect(JSON.parse(upstream.hits(second)[0]?.body ?? '')).toMatchObject({
      previous_response_id: 'resp_first',
    });
    expect(shown(await retrieve(second))).toMatchObject({ id: second, previous_response_id: first });
    const replay = await create(second, fields);
    expect(replay.headers.get('idempotent-replayed')).toBe('true');
    const result = (await readRecord(url, second)).result;
    expect(result).toMatchObject({ id: 'resp_second', previous_response_id: 'resp_first' });
  });

  it('of one that has not completed is refused, and the key stays free', async () => {
    const [first, second] = [unique('not-ready'), unique('too-early')];
    const release = Promise.withResolvers<void>();
    upstream.script(first, { answer: 200, body: responseOf(), after: release.promise });
    await create(first, { background: true });
    const refused = await create(second, { previous_response_id: first });
    expect([refused.status, errorOf(refused)]).toMatchObject([
      400,
      { code: 'previous_response_not_ready', param: 'previous_response_id' },
    ]);
    expect((await get(url, `/v1/requests/${second}`)).status).toBe(404);
    release.resolve();
    await untilRecord(url, first, ({ terminal }) => terminal);
  });

  it('of any other name goes to the upstream as it came', async () => {
    const [chat, key] = [unique('chat'), unique('foreign')];
    await postTo(url, '/v1/chat/completions', {
      model: chat,
      messages: [{ role: 'user', content: 'hi' }],
      idempotency_key: chat,
      wait: 3,
    });
    for (const [nth, previous] of ['resp_of_the_upstream', chat].entries()) {
      const name = `${key}-${nth}`;
      upstream.script(name, { answer: 200, body: responseOf() });
      await create(name, { previous_response_id: previous });
      expect(JSON.parse(upstream.hits(name)[0]?.body ?? '')).toMatchObject({
        previous_response_id: previous,
      });
    }
  });
});

it.each([
  ['POST', '/v1/responses/compact', 405, 'method_not_allowed'],
  ['POST', '/v1/responses/input_tokens', 405, 'method_not_allowed'],
  ['GET', '/v1/responses', 405, 'method_not_allowed'],
  ['POST', '/v1/conversations', 404, 'not_found'],
])(
  'what docs/responses.md lists as not supported is answered so: %s %s',
  async (method, path, status, code) => {
    const answer = await fetch(url + path, { method });
    expect([answer.status, await answer.json()]).toMatchObject([status, { error: { code } }]);
  },
);

describe('the routes of a Response', () => {
  it('cancel it, again as often as one likes, and return it as it stands', async () => {
    const key = unique('cancelled');
    upstream.script(key, { stall: 'headers' });
    await create(key, { background: true });
    await upstream.untilHits(key, 1);
    for (let nth = 0; nth < 2; nth += 1) {
      const answer = await act(key, 'POST', '/cancel');
      expect([answer.status, shown(answer)]).toMatchObject([
        200,
        { id: key, status: 'cancelled', error: null },
      ]);
    }
    expect(shown(await retrieve(key)).status).toBe('cancelled');
    expect(shown(await create(key, { background: true })).status).toBe('cancelled');
    await upstream.untilAborted(key, 1);
  });

  it('return one that has completed instead of cancelling it', async () => {
    const key = unique('done');
    upstream.script(key, { answer: 200, body: THEIRS });
    await create(key);
    const answer = await act(key, 'POST', '/cancel');
    expect([answer.status, answer.text]).toEqual([200, OURS(key)]);
  });

  it('delete it when it has ended, and not before', async () => {
    const key = unique('deleted');
    const release = Promise.withResolvers<void>();
    upstream.script(key, { answer: 200, body: THEIRS, after: release.promise });
    await create(key, { background: true });
    expect(errorOf(await act(key, 'DELETE')).code).toBe('request_not_terminal');
    release.resolve();
    await untilRecord(url, key, ({ terminal }) => terminal);
    const deleted = await act(key, 'DELETE');
    expect([deleted.status, JSON.parse(deleted.text)]).toEqual([
      200,
      { id: key, object: 'response', deleted: true },
    ]);
    expect([(await retrieve(key)).status, (await act(key, 'DELETE')).status]).toEqual([404, 404]);
  });

  it('list its own input, with the same ids each time', async () => {
    const key = unique('items');
    upstream.script(key, { answer: 200, body: THEIRS });
    await create(key, {
      input: [
        { role: 'user', content: 'one' },
        { role: 'user', content: 'two' },
      ],
    });
    const list = await get(url, `/v1/responses/${key}/input_items?limit=1`);
    expect(JSON.parse(list.text)).toMatchObject({
      object: 'list',
      has_more: true,
      data: [{ type: 'message', content: [{ type: 'input_text', text: 'two' }] }],
    });
    expect((await get(url, `/v1/responses/${key}/input_items?limit=1`)).text).toBe(list.text);
    expect((await get(url, `/v1/responses/${key}/input_items?limit=0`)).status).toBe(400);
  });

  it('do not know a request of another operation, nor an unknown id', async () => {
    const chat = unique('of-chat');
    await postTo(url, '/v1/chat/completions', {
      model: chat,
      messages: [{ role: 'user', content: 'hi' }],
      idempotency_key: chat,
      wait: 3,
    });
    for (const id of [chat, 'nobody', 'a%20b', '@x']) {
      const answers = [
        await retrieve(id),
        await act(id, 'POST', '/cancel'),
        await act(id, 'DELETE'),
        await get(url, `/v1/responses/${id}/input_items`),
      ];
      expect(answers.map((answer) => [answer.status, errorOf(answer).code])).toEqual(
        answers.map(() => [404, 'request_not_found']),
      );
    }
    expect((await readRecord(url, chat)).status).toBe('completed');
  });

  it('hold a read that waits', async () => {
    const key = unique('read-wait');
    upstream.script(key, { answer: 200, body: THEIRS, afterMs: 300 });
    await create(key, { background: true });
    expect(shown(await retrieve(key, '?wait=3')).status).toBe('completed');
  });

  it('are the same request as its record', async () => {
    const key = unique('retried');
    upstream.script(key, { answer: 400, body: {} }, { answer: 200, body: THEIRS });
    await create(key, { background: true });
    await untilRecord(url, key, ({ terminal }) => terminal);
    await fetch(`${url}/v1/requests/${key}/retry`, { method: 'POST' });
    await untilRecord(url, key, ({ terminal }) => terminal);
    expect((await retrieve(key)).text).toBe(OURS(key, true));
    expect(await readRecord(url, key)).toMatchObject({
      run: 2,
      attempts: 2,
      upstream_response_id: 'resp_up',
    });
    const { raw } = await deployment.client.workflow.getHandle(key).describe();
    expect(Buffer.from(raw.executionConfig?.userMetadata?.summary?.data ?? []).toString()).toContain(
      'responses',
    );
  });
});
