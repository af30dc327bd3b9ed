/** Chat completions as streams: live, held back at the end, joined, replayed, broken off. */
import { describe, expect, it } from 'vitest';
import { act, post, readRecord, unique, untilRecord } from '../support/api.ts';
import { openStream, textOf } from '../support/read-stream.ts';
import { chatStream, chunk, ending, opening } from '../support/stream-steps.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment();
const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'hi' }];
const body = (key: string, fields: object = {}): object => ({
  model: key,
  messages,
  idempotency_key: key,
  ...fields,
});

describe('a streamed chat completion', () => {
  it('is passed on event by event, and its end comes when Temporal has the result', async () => {
    const key = unique('live');
    const goOn = Promise.withResolvers<void>();
    upstream.script(key, { stream: [...opening('Hel', 'lo'), { until: goOn.promise }, ...ending()] });
    const stream = await openStream(url, PATH, body(key));
    expect([stream.status, stream.headers.get('content-type'), stream.headers.get('x-request-id')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      key,
    ]);
    expect(textOf(await stream.until(3))).toBe('Hello');
    expect(await readRecord(url, key)).toMatchObject({ status: 'processing', result: null });
    goOn.resolve();
    const { events } = await stream.rest();
    expect(textOf(events)).toBe('Hello');
    expect(events.slice(-2)).toMatchObject([{ choices: [{ finish_reason: 'stop', delta: {} }] }, '[DONE]']);
    const record = await readRecord(url, key);
    expect(record).toMatchObject({
      status: 'completed',
      usage: { total_tokens: 12 },
      result: {
        object: 'chat.completion',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
      },
      attempt_log: [
        { phase: 'stream', events: 6, first_event_ms: expect.any(Number), bytes: expect.any(Number) },
      ],
    });
    expect(JSON.parse(upstream.hits(key)[0]?.body ?? '')).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  it('is one request with the call without stream, whichever comes first', async () => {
    const key = unique('shared');
    upstream.script(key, { stream: chatStream('a', 'b') });
    const first = await (await openStream(url, PATH, body(key))).rest();
    const whole = await post(url, body(key, { wait: true }));
    expect(JSON.parse(whole.text)).toMatchObject({ choices: [{ message: { content: 'ab' } }] });
    const again = await (await openStream(url, PATH, body(key))).rest();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.events).toEqual(first.events);
    expect(upstream.hits(key)).toHaveLength(1);

    const other = unique('whole-first');
    await post(url, body(other, { wait: true }));
    const replayed = await (await openStream(url, PATH, body(other))).rest();
    expect([textOf(replayed.events), replayed.events.at(-1)]).toEqual(['fine', '[DONE]']);
    expect(upstream.hits(other)).toHaveLength(1);
  });

  it('gives a caller that joins all events from the first one, and then what comes', async () => {
    const key = unique('joined');
    const goOn = Promise.withResolvers<void>();
    const texts = Array.from({ length: 100 }, (_, index) => `${index} `);
    upstream.script(key, { stream: [...opening(...texts), { until: goOn.promise }, ...ending()] });
    const first = await openStream(url, PATH, body(key));
    await first.until(101);
    const second = await openStream(url, PATH, body(key));
    await second.until(101);
    goOn.resolve();
    const [one, two] = [await first.rest(), await second.rest()];
    expect(textOf(two.events)).toBe(texts.join(''));
    expect(two.events.length).toBe(one.events.length);
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('goes on to its end when all callers have left', async () => {
    const key = unique('left');
    const goOn = Promise.withResolvers<void>();
    upstream.script(key, { stream: [...opening('a'), { until: goOn.promise }, ...ending()] });
    const stream = await openStream(url, PATH, body(key));
    await stream.until(2);
    await stream.leave();
    goOn.resolve();
    expect(await untilRecord(url, key, ({ terminal }) => terminal)).toMatchObject({
      status: 'completed',
      attempts: 1,
    });
  });

  it('shows the usage only to the caller that asks for it', async () => {
    const key = unique('usage');
    upstream.script(key, { stream: chatStream('a') });
    const without = await (await openStream(url, PATH, body(key))).rest();
    const withUsage = await (
      await openStream(url, PATH, body(key, { stream_options: { include_usage: true } }))
    ).rest();
    expect(JSON.stringify(without.events)).not.toContain('total_tokens');
    expect(withUsage.events.at(-2)).toMatchObject({ choices: [], usage: { total_tokens: 12 } });
  });

  it('needs no [DONE] after its finish reason', async () => {
    const key = unique('no-done');
    upstream.script(key, { stream: [...opening('a'), chunk({}, { finish_reason: 'stop' })] });
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(events.at(-1)).toBe('[DONE]');
  });
});

describe('a stream that fails', () => {
  it('before its first event is answered with the status of the failure, and retried unseen', async () => {
    const key = unique('refused');
    upstream.script(key, { answer: 401, body: { error: { code: 'invalid_api_key', message: 'no' } } });
    const refused = await (await openStream(url, PATH, body(key))).rest();
    expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([502, 'false']);

    const other = unique('retried');
    upstream.script(other, { answer: 503 }, { stream: chatStream('a') });
    const retried = await (await openStream(url, PATH, body(other))).rest();
    expect([textOf(retried.events), retried.events.at(-1)]).toEqual(['a', '[DONE]']);
    expect(upstream.hits(other)).toHaveLength(2);
  });

  it('after events ends with an error, and the request goes on', async () => {
    const key = unique('broken');
    upstream.script(key, { stream: [...opening('lost'), 'reset'] }, { stream: chatStream('good') });
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(textOf(events)).toBe('lost');
    expect(events.at(-1)).toMatchObject({
      error: { code: 'stream_interrupted', param: null, request_id: key, terminal: false },
    });
    expect(await untilRecord(url, key, ({ terminal }) => terminal)).toMatchObject({
      status: 'completed',
      attempts: 2,
      possible_duplicate: true,
      attempt_log: [
        { error_code: 'upstream_response_lost', outcome: 'lost', phase: 'stream', events: 2 },
        { status: 'succeeded' },
      ],
    });
    const joined = await (await openStream(url, PATH, body(key))).rest();
    expect(textOf(joined.events)).toBe('good');
  });

  it('for the last time ends with the failure itself', async () => {
    const key = unique('last');
    upstream.script(key, { stream: [...opening('lost'), 'reset'] });
    const { events } = await (await openStream(url, PATH, body(key, { reqrun: { max_attempts: 1 } }))).rest();
    expect(events.at(-1)).toMatchObject({ error: { code: 'upstream_response_lost', terminal: true } });
  });

  it('by an error event of the upstream is classified by it', async () => {
    const key = unique('error-event');
    const overloaded = 'data: {"error":{"code":503,"message":"Overloaded"}}\n\n';
    upstream.script(key, { stream: [overloaded] }, { stream: chatStream('good') });
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(textOf(events)).toBe('good');
    expect(await readRecord(url, key)).toMatchObject({
      attempt_log: [{ error_code: 'upstream_error_in_stream' }, { status: 'succeeded' }],
    });
  });

  it('by a silent end is truncated, and is not taken for an answer', async () => {
    const key = unique('truncated');
    upstream.script(key, { stream: opening('half') }, { stream: chatStream('good') });
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(events.at(-1)).toMatchObject({ error: { code: 'stream_interrupted' } });
    const record = await untilRecord(url, key, ({ terminal }) => terminal);
    expect(record).toMatchObject({ attempt_log: [{ error_code: 'upstream_stream_truncated' }, {}] });
  });

  it('by an event of malformed JSON is no answer, because a part of the text may be lost', async () => {
    const key = unique('malformed');
    const malformed = chunk({ content: 'lost' }).replace('}]', ']');
    const stream = [...opening('a'), malformed, ...opening('b'), ...ending()];
    upstream.script(key, { stream }, { stream: chatStream('good') });
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(events.at(-1)).toMatchObject({ error: { code: 'stream_interrupted' } });
    const record = await untilRecord(url, key, ({ terminal }) => terminal);
    expect(record).toMatchObject({
      attempt_log: [{ error_code: 'upstream_invalid_response', outcome: 'lost', phase: 'stream' }, {}],
      result: { choices: [{ message: { content: 'good' } }] },
    });
  });

  it('by an answer that is too large to be stored has its attempt in the record', async () => {
    const key = unique('large');
    upstream.script(key, { stream: chatStream('x'.repeat(3_000_000)) });
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(events.at(-1)).toMatchObject({ error: { code: 'upstream_response_too_large', terminal: true } });
    expect(await readRecord(url, key)).toMatchObject({
      attempts: 1,
      attempt_log: [{ error_code: 'upstream_response_too_large', outcome: 'lost' }],
    });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('by a cancellation ends with request_cancelled', async () => {
    const key = unique('cancelled');
    upstream.script(key, { stream: [...opening('a'), 'stall'] });
    const stream = await openStream(url, PATH, body(key));
    await stream.until(2);
    await act(url, key, 'cancel');
    const { events } = await stream.rest();
    expect(events.at(-1)).toMatchObject({ error: { code: 'request_cancelled', terminal: true } });
  });

  it('by the deadline ends with deadline_exceeded', async () => {
    const key = unique('late');
    upstream.script(key, { stream: [...opening('a'), 'stall'] });
    const { events } = await (
      await openStream(url, PATH, body(key, { reqrun: { deadline_seconds: 2 } }))
    ).rest();
    expect(events.at(-1)).toMatchObject({ error: { code: 'deadline_exceeded', terminal: true } });
  });

  it.each([
    ['the first event', { first_event_timeout_seconds: 1 }, ['stall'] as const],
    ['the next event', { silence_timeout_seconds: 1 }, [...opening('a'), 'stall'] as const],
  ])('by silence before %s is given up', async (_what, reqrun, parts) => {
    const key = unique('silent');
    upstream.script(key, { stream: parts }, { stream: chatStream('good') });
    const stream = await openStream(url, PATH, body(key, { reqrun }));
    expect(await untilRecord(url, key, ({ terminal }) => terminal)).toMatchObject({
      status: 'completed',
      attempt_log: [{ error_code: 'upstream_response_lost' }, { status: 'succeeded' }],
    });
    await stream.rest();
  });
});

describe('what cannot be streamed', () => {
  it('is a call with a start time, because no caller is held for days', async () => {
    const answer = await post(url, { stream: true, reqrun: { run_at: 60 } });
    expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([400, 'stream_not_supported']);
  });

  it('is asked for again without usage, where the upstream does not know stream_options', async () => {
    // Two calls at once: that one of them was refused says nothing of what the other one asked for.
    const keys = [unique('no-options'), unique('no-options')];
    const refusal = { error: { message: 'unknown field', param: 'stream_options', code: null } };
    const refused = Promise.withResolvers<void>();
    for (const key of keys) {
      const step = { answer: 400, body: refusal, after: refused.promise };
      upstream.script(key, step, { stream: chatStream('good') });
    }
    const streams = keys.map(async (key) => (await openStream(url, PATH, body(key))).rest());
    for (const key of keys) await upstream.untilHits(key, 1);
    refused.resolve();
    for (const { events } of await Promise.all(streams)) expect(textOf(events)).toBe('good');
    for (const key of keys) {
      const bodies = upstream.hits(key).map((hit) => JSON.parse(hit.body));
      expect(bodies.map((sent) => 'stream_options' in sent)).toEqual([true, false]);
    }
  });
});
