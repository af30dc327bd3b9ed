/** A stream of the typed client over several connections, whose answers are scripted here. */
import { APIError } from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ReqRun } from '../../src/client/index.ts';
import { resumingFetch, StreamSupersededError } from '../../src/client/resuming-fetch.ts';
import type { Fetch } from '../../src/client/signed-fetch.ts';
import { SIGNATURE_HEADERS } from '../../src/domain/signed-text.ts';

const URL_OF_CHAT = 'http://reqrun.test/v1/chat/completions';
const CALL = { method: 'POST', headers: { 'idempotency-key': 'k' }, body: '{"stream":true}' };
const text = (content: string): string => `data: {"choices":[{"delta":{"content":"${content}"}}]}\n\n`;
const INTERRUPTED = 'data: {"error":{"code":"stream_interrupted","terminal":false}}\n\n';
const DONE = 'data: [DONE]\n\n';
const stream = (...parts: readonly string[]): Response =>
  new Response(parts.join(''), { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
/** A connection that breaks after its parts. */
const broken = (...parts: readonly string[]): Response => {
  const left = parts.map((part) => new TextEncoder().encode(part));
  const body = new ReadableStream({
    pull(controller) {
      const part = left.shift();
      if (part === undefined) controller.error(new TypeError('terminated'));
      else controller.enqueue(part);
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
};

/** A `fetch` that gives the answers in order, bare and with resumed streams, and its calls. */
function scripted(...answers: readonly (Response | Error)[]) {
  const left = [...answers];
  const calls: RequestInit[] = [];
  const bare: Fetch = async (_input, init = {}) => {
    calls.push(init);
    const answer = left.shift();
    if (answer === undefined) throw new Error('one call too many');
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { bare, fetch: resumingFetch(bare), calls };
}

describe('a stream of the typed client', () => {
  it('goes on after the last event that its caller has, on a connection that shows the same attempt', async () => {
    const { fetch, calls } = scripted(
      broken(': attempt 1\n\n', text('a'), text('b').slice(0, 9)),
      new TypeError('fetch failed'),
      new Response('{"error":{"code":"overloaded"}}', { status: 503, headers: { 'retry-after': '0' } }),
      stream(': keepalive\n\n', ': attempt 1\n\n', text('a'), text('b'), INTERRUPTED),
      stream(': attempt 1\n\n', text('a'), text('b'), text('c'), DONE),
    );
    const answer = await fetch(URL_OF_CHAT, CALL);
    expect(await answer.text()).toBe(text('a') + text('b') + text('c') + DONE);
    expect(calls.map(({ body }) => body)).toEqual(Array(5).fill(CALL.body));
  });

  it('may begin with another attempt as long as its caller has no event', async () => {
    const { fetch } = scripted(
      stream(': keepalive\n\n', INTERRUPTED),
      stream(': attempt 2\n\n', text('a'), DONE),
    );
    expect(await (await fetch(URL_OF_CHAT, CALL)).text()).toBe(text('a') + DONE);
  });

  it('fails when it shows another attempt, and gives none of its events', async () => {
    const { fetch } = scripted(
      stream(': attempt 1\n\n', text('lost'), INTERRUPTED),
      stream(': attempt 2\n\n', text('good'), DONE),
    );
    const answer = await fetch(URL_OF_CHAT, CALL);
    await expect(answer.text()).rejects.toBeInstanceOf(StreamSupersededError);
  });

  it('of a Response goes by the numbers of its events, which may have gaps', async () => {
    const numbered = (number: number, type: string): string =>
      `event: ${type}\ndata: {"type":"${type}","sequence_number":${number}}\n\n`;
    const [first, second, gap] = [1, 2, 3].map((at) => numbered(1_000_000 + at, 'response.a'));
    const last = numbered(1_000_004, 'response.completed');
    const { fetch } = scripted(
      broken(first ?? '', gap ?? ''),
      stream(first ?? '', second ?? '', last, text('after the end')),
    );
    const answer = await fetch('http://reqrun.test/v1/responses', CALL);
    expect(await answer.text()).toBe(`${first}${gap}${last}`);
  });

  it('ends with an error event of a request that has ended, and with a refusal that is final', async () => {
    const failed = 'data: {"error":{"code":"request_cancelled","terminal":true}}\n\n';
    const ended = scripted(stream(': attempt 1\n\n', text('a'), failed));
    expect(await (await ended.fetch(URL_OF_CHAT, CALL)).text()).toBe(text('a') + failed);

    const refusal = new Response('{"error":{"code":"request_cancelled"}}', { status: 409 });
    refusal.headers.set('x-should-retry', 'false');
    const refused = scripted(broken(': attempt 1\n\n', text('a')), refusal);
    const failure = await (await refused.fetch(URL_OF_CHAT, CALL)).text().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(APIError);
    expect(failure).toMatchObject({ status: 409, code: 'request_cancelled' });
  });

  it.each([
    ['reset', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
    ['closed', Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' })],
  ])('is joined if its connection is %s before the answer', async (_what, cause) => {
    const away = new TypeError('fetch failed', {
      cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }),
    });
    const lost = new TypeError('fetch failed', { cause });
    const { fetch, calls } = scripted(lost, away, stream(': attempt 1\n\n', text('a'), DONE));
    expect(await (await fetch(URL_OF_CHAT, CALL)).text()).toBe(text('a') + DONE);
    expect(calls).toHaveLength(3);

    const refused = scripted(lost, new Response('', { status: 409 }));
    expect(await refused.fetch(URL_OF_CHAT, CALL)).toMatchObject({ status: 409 });
  });

  it('fails at once if there is no service, or the call is not streamed', async () => {
    const away = new TypeError('fetch failed', {
      cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }),
    });
    const lost = new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) });
    await expect(scripted(away).fetch(URL_OF_CHAT, CALL)).rejects.toBe(away);
    await expect(scripted(lost).fetch(URL_OF_CHAT, { ...CALL, body: '{}' })).rejects.toBe(lost);
  });

  it('does not end with an error that is not set, which some upstreams send with every chunk', async () => {
    const parts = [null, false, ''].map((error) => `data: ${JSON.stringify({ error, choices: [] })}\n\n`);
    const { fetch } = scripted(stream(': attempt 1\n\n', ...parts, DONE));
    expect(await (await fetch(URL_OF_CHAT, CALL)).text()).toBe(parts.join('') + DONE);
  });

  it('is not joined again for a caller that has left', async () => {
    const leaving = new AbortController();
    const { fetch, calls } = scripted(broken(': attempt 1\n\n', text('a')));
    const answer = await fetch(URL_OF_CHAT, { ...CALL, signal: leaving.signal });
    const reader = answer.body?.getReader();
    await reader?.read();
    leaving.abort(new Error('enough'));
    await expect(reader?.read()).rejects.toThrow('enough');
    expect(calls).toHaveLength(1);
  });
});

describe('a service that does not answer', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
  afterEach(() => void vi.useRealTimers());

  it('is asked again after 45 s of silence, which its comments would have broken', async () => {
    const silent = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode(`: attempt 1\n\n${text('a')}`)),
    });
    const { fetch, calls } = scripted(
      new Response(silent, { headers: { 'content-type': 'text/event-stream' } }),
      stream(': attempt 1\n\n', text('a'), text('b'), DONE),
    );
    const answer = (await fetch(URL_OF_CHAT, CALL)).text();
    await vi.advanceTimersByTimeAsync(44_000);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await answer).toBe(text('a') + text('b') + DONE);
  });

  it('is asked no earlier than its Retry-After says', async () => {
    const { fetch, calls } = scripted(
      broken(': attempt 1\n\n', text('a')),
      new Response('', { status: 503, headers: { 'retry-after': '30' } }),
      stream(': attempt 1\n\n', text('a'), DONE),
    );
    const answer = (await fetch(URL_OF_CHAT, CALL)).text();
    await vi.advanceTimersByTimeAsync(29_900);
    expect(calls).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await answer).toBe(text('a') + DONE);
  });

  it('is given up after 10 minutes, with the last error', async () => {
    const away = Array.from({ length: 1_000 }, () => new TypeError('fetch failed'));
    const { fetch, calls } = scripted(broken(': attempt 1\n\n', text('a')), ...away);
    const answer = (await fetch(URL_OF_CHAT, CALL)).text().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(590_000);
    const before = calls.length;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await answer).toMatchObject({ message: 'fetch failed' });
    expect(calls.length).toBeGreaterThanOrEqual(before);
    // Every 2.5 to 5 s, after the first ones.
    expect(calls.length).toBeLessThan(250);
  });
});

describe('a client with options of its own', () => {
  const call = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }], stream: true as const };
  const read = async (client: ReqRun): Promise<string> => {
    let all = '';
    for await (const { choices } of await client.chat.completions.create(call)) {
      all += choices[0]?.delta.content ?? '';
    }
    return all;
  };

  it('signs each connection by itself, for one request', async () => {
    const { bare, calls } = scripted(
      broken(': attempt 1\n\n', text('a')),
      stream(': attempt 1\n\n', text('a'), text('b'), DONE),
    );
    const signingSecret = 'reqrun_sign_secret';
    const client = new ReqRun({ fetch: bare, signingSecret, maxRetries: 0 });
    expect(await read(client.withOptions({ timeout: 60_000 }))).toBe('ab');
    const [first, second] = calls.map(({ headers }) => new Headers(headers).get(SIGNATURE_HEADERS.nonce));
    expect(first).not.toBe(second);
    expect(calls[0]?.body).toContain('"idempotency_key"');
    expect(calls[1]?.body).toBe(calls[0]?.body);
  });

  it('joins a superseded stream no second time in a copy', async () => {
    const { bare, calls } = scripted(
      stream(': attempt 1\n\n', text('lost'), INTERRUPTED),
      stream(': attempt 2\n\n', text('good'), DONE),
    );
    const copy = new ReqRun({ fetch: bare, maxRetries: 0 }).withOptions({ timeout: 60_000 });
    await expect(read(copy)).rejects.toBeInstanceOf(StreamSupersededError);
    expect(calls).toHaveLength(2);
  });
});

describe('any other answer', () => {
  it.each([
    ['without a key', URL_OF_CHAT, { ...CALL, headers: {} }],
    ['that only reads', 'http://reqrun.test/v1/responses/a?stream=true', { method: 'GET' }],
    ['of an operation that is not streamed', 'http://reqrun.test/v1/images/generations', CALL],
  ])('%s is passed on as it came', async (_what, url, init) => {
    const answer = stream(text('a'));
    const { fetch } = scripted(answer);
    expect(await fetch(url, init)).toBe(answer);
  });
});
