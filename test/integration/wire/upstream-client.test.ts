import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { totalTokens } from '../../../src/domain/answer-facts.ts';
import { NO_REPORT } from '../../../src/domain/lane.ts';
import { createUpstream, type UpstreamAnswer, type UpstreamSettings } from '../../../src/upstream/client.ts';
import {
  completion,
  startScriptedUpstream,
  type ScriptedUpstream,
  type Step,
} from '../../support/scripted-upstream.ts';

let scripted: ScriptedUpstream;
beforeAll(async () => {
  scripted = await startScriptedUpstream();
});
afterAll(() => scripted.close());
afterEach(() => vi.unstubAllEnvs());

interface Asked extends Partial<UpstreamSettings> {
  readonly model?: string;
  readonly step?: Step;
  readonly signal?: AbortSignal;
}

async function call({
  model = 'm',
  step,
  signal = AbortSignal.timeout(5_000),
  ...settings
}: Asked): Promise<UpstreamAnswer> {
  if (step !== undefined) scripted.script(model, step);
  const upstream = createUpstream({
    baseURL: scripted.baseURL,
    apiKey: null,
    maxResponseBytes: 1_000_000,
    ...settings,
  });
  try {
    const body = Buffer.from(JSON.stringify({ model, messages: [] }));
    return await upstream.complete({ body, operation: 'chat.completions', clientRequestId: 'rr/1', signal });
  } finally {
    await upstream.close();
  }
}

/** A server that treats every connection like this; for faults below HTTP. */
async function onSocket(act: (socket: Socket) => void): Promise<{ port: number; close: () => void }> {
  const server = createTcpServer((socket) => act(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return { port: address.port, close: () => void server.close() };
}

/** Made piece by piece, so that the making does not hide what the reading takes. */
function gzipOfSpaces(bytes: number): Promise<Buffer> {
  const piece = Buffer.alloc(1_000_000, 32);
  return buffer(Readable.from(Array<Buffer>(bytes / piece.length).fill(piece)).pipe(createGzip()));
}

describe('what is never sent', () => {
  it('reads nothing of the OPENAI_ environment, which only the configuration may', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-leak');
    vi.stubEnv('OPENAI_ADMIN_KEY', 'sk-leak');
    vi.stubEnv('OPENAI_ORG_ID', 'leak');
    vi.stubEnv('OPENAI_PROJECT_ID', 'leak');
    vi.stubEnv('OPENAI_CUSTOM_HEADERS', 'authorization: leak\nx-leak: leak\ncontent-type: leak/leak');
    for (const apiKey of [null, 'sk-mine']) await call({ model: 'env', apiKey });
    const [without, withKey] = scripted.hits('env');
    expect(JSON.stringify([without?.headers, withKey?.headers])).not.toContain('leak');
    expect(without?.headers.authorization).toBeUndefined();
    expect(withKey?.headers.authorization).toBe('Bearer sk-mine');
  });

  it('sends nothing of what browsers say about themselves', async () => {
    await call({ model: 'headers' });
    const [hit] = scripted.hits('headers');
    expect(Object.keys(hit?.headers ?? {}).filter((name) => !name.startsWith('x-stainless-'))).toEqual([
      'host',
      'connection',
      'accept',
      'content-type',
      'user-agent',
      'x-client-request-id',
      'accept-encoding',
      'content-length',
    ]);
  });

  it.each(['not a url', 'ftp://127.0.0.1/v1', 'http://user:pass@127.0.0.1:9/v1'])(
    'calls %s a fault of configuration, because no other attempt can mend it',
    async (baseURL) => {
      expect(await call({ baseURL })).toMatchObject({
        failure: {
          code: 'configuration_error',
          outcome: 'not_run',
          billed: 'no',
          retry: 'never',
          phase: 'connect',
        },
      });
    },
  );

  it('takes a name that does not resolve as unreachable', async () => {
    expect(await call({ baseURL: 'http://does-not-exist.invalid/v1' })).toMatchObject({
      failure: { code: 'upstream_unreachable', outcome: 'not_run', billed: 'no', phase: 'connect' },
    });
  });

  it('knows that a call broken off during the TLS handshake did not run', async () => {
    const server = await onSocket((socket) => socket.resetAndDestroy());
    const answer = await call({ baseURL: `https://127.0.0.1:${server.port}/v1` });
    server.close();
    expect(answer).toMatchObject({
      failure: { code: 'upstream_unreachable', outcome: 'not_run', phase: 'connect' },
    });
  });

  it('knows that a call whose time ran out before a connection did not run', async () => {
    const sockets: Socket[] = [];
    const server = await onSocket((socket) => sockets.push(socket));
    const signal = AbortSignal.timeout(200);
    const answer = await call({ baseURL: `https://127.0.0.1:${server.port}/v1`, signal });
    sockets.forEach((socket) => socket.destroy());
    server.close();
    expect(answer).toMatchObject({ failure: { outcome: 'not_run', phase: 'connect' } });
  });

  it('sends nothing when it is aborted beforehand', async () => {
    expect(await call({ model: 'early', signal: AbortSignal.abort() })).toMatchObject({
      failure: { outcome: 'not_run' },
    });
    expect(scripted.hits('early')).toHaveLength(0);
  });
});

const tokensOf = (answer: UpstreamAnswer): number | null =>
  answer.kind === 'completed' ? totalTokens(answer.facts) : null;

describe('what an answer reports', () => {
  const headers = {
    'x-ratelimit-limit-requests': '60',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '1m0s',
  };
  const limits = { requests: { limit: 60, remaining: 0, resetMs: 60_000 }, tokens: null };

  it('of limits and tokens is known of a completion', async () => {
    const body = { ...completion(), usage: { prompt_tokens: 5, completion_tokens: 7, total_tokens: 12 } };
    const answer = await call({ model: 'usage', step: { answer: 200, headers, body } });
    expect(answer).toMatchObject({ kind: 'completed', limits });
    expect(tokensOf(answer)).toBe(12);
  });

  it.each<[string, unknown]>([
    ['no usage', undefined],
    ['null', null],
    ['no total', { prompt_tokens: 5 }],
    ['a text', { total_tokens: '12' }],
    ['a negative number', { total_tokens: -1 }],
  ])('of tokens is unknown with %s', async (title, usage) => {
    const step = { answer: 200, body: { ...completion(), usage } };
    const answer = await call({ model: `usage: ${title}`, step });
    expect(answer).toMatchObject({ kind: 'completed', limits: NO_REPORT });
    expect(tokensOf(answer)).toBeNull();
  });

  it.each<[string, Step]>([
    ['a refusal', { answer: 429, headers, body: { error: { code: 'rate_limit_exceeded' } } }],
    ['a server error', { answer: 500, headers }],
    ['a body that is no completion', { answer: 200, headers, body: '<html>' }],
    [
      'a body that breaks off',
      { raw: `HTTP/1.1 200 OK\r\n${rawHeaders(headers)}content-length: 99\r\n\r\n{` },
    ],
  ])('of limits is known of %s', async (title, step) => {
    expect(await call({ model: title, step })).toMatchObject({ kind: 'failed', limits });
  });

  it('of limits is nothing where no status line arrived', async () => {
    const answer = await call({ model: 'reset', step: { reset: 'before the answer' } });
    expect(answer).toMatchObject({ kind: 'failed', limits: NO_REPORT });
  });
});

function rawHeaders(headers: Record<string, string>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

describe('a body that is too large', () => {
  it('ends a decompression bomb without taking its size in memory', async () => {
    const bomb = await gzipOfSpaces(200_000_000);
    const headers = `content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`;
    const server = await onSocket((socket) =>
      socket.once(
        'data',
        () => void socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\n${headers}`), bomb])),
      ),
    );
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
    const answer = await call({ baseURL: `http://127.0.0.1:${server.port}/v1` });
    clearInterval(watch);
    server.close();
    expect(answer).toMatchObject({
      failure: { code: 'upstream_response_too_large', outcome: 'lost', retry: 'never' },
    });
    expect(Math.max(peak, process.memoryUsage().rss) - before).toBeLessThan(60_000_000);
  });

  it('takes an error body beyond 64 KiB as unreadable and keeps the status', async () => {
    const error = { code: 'insufficient_quota', message: 'x'.repeat(70_000) };
    const answer = await call({ model: 'long', step: { answer: 429, body: { error } } });
    expect(answer).toMatchObject({
      failure: { code: 'upstream_rate_limited', upstreamStatus: 429, upstreamCode: null },
    });
  });

  it('refuses more than five encodings, which no upstream needs', async () => {
    const headers = { 'content-encoding': Array(6).fill('gzip').join(', ') };
    const answer = await call({ model: 'nested', step: { answer: 200, headers, body: 'x' } });
    expect(answer).toMatchObject({ failure: { code: 'upstream_response_too_large', retry: 'never' } });
  });

  it('takes a body of exactly the allowed size', async () => {
    const body = JSON.stringify(completion());
    const exact = await call({ model: 'exact', step: { answer: 200, body }, maxResponseBytes: body.length });
    expect(exact.kind === 'completed' && Buffer.from(exact.bytes).toString()).toBe(body);
    const less = await call({
      model: 'exact',
      step: { answer: 200, body },
      maxResponseBytes: body.length - 1,
    });
    expect(less).toMatchObject({ failure: { code: 'upstream_response_too_large' } });
  });
});

describe('a 200 at the edge of the table', () => {
  const json = (body: unknown, headers: Record<string, string> = {}): Step => ({
    answer: 200,
    body,
    headers,
  });
  const sse = { 'content-type': 'text/event-stream' };
  it.each<[string, Step, object]>([
    [
      'an HTML page under a JSON content type, which no model wrote',
      json('<html>'),
      { code: 'upstream_invalid_response', retry: 'twice' },
    ],
    ['an error that is a text', json({ error: 'no' }), { code: 'upstream_error_in_body', retry: 'twice' }],
    [
      'an unknown error code',
      json({ error: { code: 'odd' } }),
      { code: 'upstream_error_in_body', retry: 'twice' },
    ],
    ['a 401 in disguise', json({ error: { code: 401 } }), { retry: 'never', upstreamCode: '401' }],
    [
      'a 503 in disguise',
      json({ error: { code: '503' } }),
      { retry: 'always', backoff: 'overload', outcome: 'unknown' },
    ],
    [
      'a rate limit by name',
      json({ error: { code: 'rate_limit_exceeded' } }, { 'retry-after': '3' }),
      { retry: 'always', retryAfterMs: 3_000 },
    ],
    [
      'x-should-retry: false',
      json('{"a":', { 'x-should-retry': 'false' }),
      { outcome: 'lost', retry: 'never' },
    ],
    [
      'a whole event stream',
      json('data: {"choices":[{"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n', sse),
      { code: 'upstream_invalid_response', retry: 'twice' },
    ],
    [
      'an event stream whose text quotes a finish_reason',
      json('data: {"choices":[{"delta":{"content":"\\"finish_reason\\":\\"stop\\""}}]}\n\n', sse),
      { code: 'upstream_stream_truncated' },
    ],
    [
      'a body shorter than announced',
      { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id":1' },
      { code: 'upstream_response_lost', outcome: 'lost', upstreamStatus: 200 },
    ],
    [
      'two byte order marks, of which a strict reader would find one',
      json(`\ufeff\ufeff${JSON.stringify(completion())}`),
      { code: 'upstream_invalid_response', outcome: 'lost' },
    ],
    [
      'nothing but byte order marks',
      json('\ufeff\ufeff'),
      { code: 'upstream_invalid_response', retry: 'twice' },
    ],
    [
      'text that is no UTF-8',
      { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-type: application/json\r\n\r\n{"\u00ff' },
      { code: 'upstream_invalid_response' },
    ],
  ])('takes %s for what it is', async (title, step, expected) => {
    expect(await call({ model: title, step })).toMatchObject({ failure: expected });
  });

  it.each<[string, Step]>([
    ['error: null beside its choices', json({ ...completion(), error: null })],
    ['a byte order mark, which is cut off', json(`\ufeff${JSON.stringify(completion())}`)],
    ['JSON under the content type of a stream', json(completion(), sse)],
    ['a 201', { answer: 201, body: completion() }],
  ])('accepts a completion with %s', async (title, step) => {
    const answer = await call({ model: title, step });
    expect(answer.kind === 'completed' && JSON.parse(Buffer.from(answer.bytes).toString())).toMatchObject(
      completion(),
    );
  });
});

describe('an answer that is none', () => {
  it.each(['garbage', 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n'])(
    'is called for twice at most where it is %j, because it was answered',
    async (raw) => {
      expect(await call({ model: raw, step: { raw } })).toMatchObject({
        failure: { code: 'upstream_invalid_response', outcome: 'lost', phase: 'request', retry: 'twice' },
      });
    },
  );

  it('waits for the real answer after an early hint', async () => {
    const body = JSON.stringify(completion());
    const raw = `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    expect(await call({ model: 'hint', step: { raw } })).toMatchObject({ kind: 'completed', status: 200 });
  });
});

describe('a refusal at the edge of the table', () => {
  it.each<[string, number, object, object]>([
    [
      'a billing code with a 403',
      403,
      { code: 'insufficient_quota' },
      { code: 'upstream_quota_exhausted', outcome: 'rejected', retry: 'never' },
    ],
    [
      'a billing type without a code',
      429,
      { type: 'insufficient_quota' },
      { code: 'upstream_quota_exhausted', retry: 'never' },
    ],
    [
      'a billing type with another code',
      429,
      { type: 'insufficient_quota', code: 'rate_limit_exceeded' },
      { code: 'upstream_rate_limited', retry: 'always' },
    ],
  ])('takes %s by its code first', async (title, status, error, expected) => {
    expect(await call({ model: title, step: { answer: status, body: { error } } })).toMatchObject({
      failure: expected,
    });
  });

  it('does not follow a redirect to itself', async () => {
    const location = `${scripted.baseURL}/chat/completions`;
    await call({ model: 'loop', step: { answer: 307, headers: { location } } });
    expect(scripted.hits('loop')).toHaveLength(1);
  });
});
