/** Upstream calls through a real proxy on loopback: what it is asked for, and what its faults mean. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { describeFailure } from '../../../src/domain/upstream-failure.ts';
import { describeUpstreamProxy, type HttpProxy, proxyFor } from '../../../src/domain/proxy.ts';
import { createUpstream, type Upstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';
import { startConnectProxy, type ConnectProxy, type ProxyOptions } from '../../support/connect-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { completion } from '../../support/scripted-upstream.ts';
import { until } from '../../support/until.ts';

const open: { close(): unknown }[] = [];
afterEach(() => Promise.all(open.splice(0).map((it) => it.close())));

let pems: { private: string; cert: string };
beforeAll(async () => {
  pems = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  });
  setDefaultCACertificates([...getCACertificates('default'), pems.cert]);
});

type Scheme = 'https' | 'http';
const SCHEMES: Scheme[] = ['https', 'http'];
interface Origin {
  readonly baseURL: string;
  readonly authority: string;
  /** The head of each request, as JSON. */
  readonly hits: readonly string[];
}

const answerFine: RequestListener = (_request, response) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion()));

async function startOrigin(scheme: Scheme, answer: RequestListener = answerFine): Promise<Origin> {
  const hits: string[] = [];
  const listen: RequestListener = (request, response) => {
    hits.push(JSON.stringify(request.headers));
    request.resume().on('end', () => answer(request, response));
  };
  const server =
    scheme === 'https'
      ? createHttpsServer({ key: pems.private, cert: pems.cert }, listen)
      : createHttpServer(listen);
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({ close: () => [server.close(), ...sockets.map((socket) => socket.destroy())] });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  const authority = `127.0.0.1:${address.port}`;
  return { baseURL: `${scheme}://${authority}/v1`, authority, hits };
}

function read(env: Record<string, string>, url: string): HttpProxy | null {
  return proxyFor(url, loadConfig(env).proxies);
}

function upstreamThrough(baseURL: string, proxy: string, connectTimeoutMs = 10_000): Upstream {
  const upstream = createUpstream({
    baseURL,
    apiKey: 'sk-canary',
    maxResponseBytes: 1_000_000,
    connectTimeoutMs,
    proxy: read({ HTTPS_PROXY: proxy, HTTP_PROXY: proxy }, baseURL),
  });
  open.push(upstream);
  return upstream;
}

async function startProxy(options: ProxyOptions = {}): Promise<ConnectProxy> {
  const proxy = await startConnectProxy(options);
  open.push(proxy);
  return proxy;
}

function call(upstream: Upstream, signal = AbortSignal.timeout(30_000)): Promise<UpstreamAnswer> {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [] }));
  return upstream.complete({ body, operation: 'chat.completions', clientRequestId: 'rr/1', signal });
}

const asked = ({ tunnels, requests }: ConnectProxy): number => tunnels.length + requests.length;

describe('a call through a proxy', () => {
  it('to an https upstream is a tunnel, which the next call uses again and the proxy cannot read', async () => {
    const [origin, proxy] = [await startOrigin('https'), await startProxy()];
    const upstream = upstreamThrough(origin.baseURL, proxy.url);
    expect(await call(upstream)).toMatchObject({ kind: 'completed' });
    await sleep(50);
    expect(await call(upstream)).toMatchObject({ kind: 'completed' });
    expect([origin.hits.length, proxy.tunnels, proxy.requests]).toEqual([2, [origin.authority], []]);
    expect(proxy.heads.join()).not.toContain('canary');
    expect(origin.hits.join()).toContain('sk-canary');
  });

  it('to an http upstream asks the proxy for the whole URL, because many give tunnels to TLS alone', async () => {
    const [origin, proxy] = [await startOrigin('http'), await startProxy()];
    const upstream = upstreamThrough(origin.baseURL, proxy.url);
    expect([await call(upstream), await call(upstream)]).toMatchObject([
      { kind: 'completed' },
      { kind: 'completed' },
    ]);
    const url = `${origin.baseURL}/chat/completions`;
    expect([origin.hits.length, proxy.tunnels, proxy.requests]).toEqual([2, [], [url, url]]);
    expect(JSON.parse(origin.hits[0] ?? '')).toMatchObject({ host: origin.authority });
  });

  it.each(SCHEMES)(
    'to an %s upstream says who it is to a proxy that asks, and nobody else hears of it',
    async (scheme) => {
      const [origin, proxy] = [await startOrigin(scheme), await startProxy({ credentials: 'us%40r:p%3Aw' })];
      expect(await call(upstreamThrough(origin.baseURL, proxy.url))).toMatchObject({ kind: 'completed' });
      expect([origin.hits.length, asked(proxy)]).toEqual([1, 1]);
      expect(origin.hits.join()).not.toContain('proxy-authorization');
    },
  );

  it('makes as many tunnels as there are calls at once, each with one request', async () => {
    const waiting: (() => void)[] = [];
    const together: RequestListener = (request, response) => {
      waiting.push(() => answerFine(request, response));
      if (waiting.length === 20) for (const answer of waiting) answer();
    };
    const [origin, proxy] = [await startOrigin('https', together), await startProxy()];
    const upstream = upstreamThrough(origin.baseURL, proxy.url);
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(upstream)));
    expect(answers.filter(({ kind }) => kind !== 'completed')).toEqual([]);
    expect([origin.hits.length, proxy.tunnels.length]).toEqual([20, 20]);
  });

  it.each(SCHEMES)('to an %s upstream is one request, whatever the answer is', async (scheme) => {
    const acts: Record<string, RequestListener> = {
      '307': (_request, response) => void response.writeHead(307, { location: '/v1/other' }).end(),
      '407': (_request, response) => void response.writeHead(407).end(),
      '421': (_request, response) => void response.writeHead(421).end(),
      '503': (_request, response) => void response.writeHead(503, { 'retry-after': '0' }).end(),
      reset: (request) => void request.socket.destroy(),
      half: (_request, response) => {
        // The end comes behind the bytes, however long they take.
        response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy());
      },
    };
    const expected: Record<string, object> = {
      '307': { code: 'upstream_redirect', outcome: 'rejected', phase: 'headers' },
      '407': { code: 'upstream_auth_failed', outcome: 'rejected', phase: 'headers', upstreamStatus: 407 },
      '421': { code: 'upstream_unreachable', outcome: 'rejected', phase: 'headers' },
      '503': { code: 'upstream_gateway_error', phase: 'headers' },
      // A proxy in between answers a lost upstream by itself.
      reset:
        scheme === 'https'
          ? { code: 'upstream_connection_lost', outcome: 'unknown', phase: 'request' }
          : { code: 'upstream_gateway_error', outcome: 'unknown', upstreamStatus: 502 },
      half: { code: 'upstream_response_lost', outcome: 'lost' },
    };
    for (const [name, act] of Object.entries(acts)) {
      const [origin, proxy] = [await startOrigin(scheme, act), await startProxy()];
      const answer = await call(upstreamThrough(origin.baseURL, proxy.url));
      await sleep(50);
      expect([name, answer]).toMatchObject([name, { failure: expected[name] }]);
      // undici connects again at once after it has dropped a connection, and sends nothing.
      const tunnels = name === '421' && scheme === 'https' ? 2 : 1;
      expect([name, origin.hits.length, asked(proxy)]).toEqual([name, 1, tunnels]);
    }
  });

  it('takes another tunnel after a 421, because this one leads elsewhere', async () => {
    let isFirst = true;
    const [origin, proxy] = [
      await startOrigin('https', (request, response) => {
        if (!isFirst) return answerFine(request, response);
        isFirst = false;
        response.writeHead(421).end();
      }),
      await startProxy(),
    ];
    const upstream = upstreamThrough(origin.baseURL, proxy.url);
    await call(upstream);
    expect(await call(upstream)).toMatchObject({ kind: 'completed' });
    expect(origin.hits.length).toBe(2);
    expect(proxy.tunnels.length).toBeGreaterThan(1);
  });

  it('still checks the certificate at the end of the tunnel', async () => {
    const origin = await startOrigin('https');
    const byName = origin.baseURL.replace('127.0.0.1', 'localhost');
    const routed = await startProxy({
      routes: { [new URL(byName).host]: Number(new URL(byName).port) },
    });
    expect(await call(upstreamThrough(byName, routed.url))).toMatchObject({
      failure: { code: 'upstream_tls_error', outcome: 'not_run', phase: 'connect', retry: 'never' },
    });
    expect(origin.hits).toEqual([]);
  });

  it('is broken off with its transport', async () => {
    const [origin, proxy] = [await startOrigin('https', () => undefined), await startProxy()];
    const upstream = upstreamThrough(origin.baseURL, proxy.url);
    const answer = call(upstream);
    await until(
      () => origin.hits.length,
      (count) => count > 0,
    );
    await upstream.close();
    expect(await answer).toMatchObject({ failure: { outcome: 'unknown' } });
  });
});

describe('a proxy that does not let a call through', () => {
  it.each<[string, ProxyOptions, object]>([
    [
      'wants other credentials',
      { credentials: 'a:b' },
      {
        code: 'upstream_auth_failed',
        outcome: 'rejected',
        billed: 'no',
        retry: 'never',
        upstreamStatus: 407,
      },
    ],
    [
      'forbids the upstream',
      { refuse: '403 Forbidden' },
      { code: 'upstream_unreachable', outcome: 'not_run', billed: 'no', retry: 'twice', upstreamStatus: 403 },
    ],
    [
      'does not reach it',
      { refuse: '502 Bad Gateway' },
      {
        code: 'upstream_unreachable',
        outcome: 'not_run',
        billed: 'no',
        retry: 'always',
        upstreamStatus: 502,
      },
    ],
    [
      'asks for patience',
      { refuse: '429 Slow\r\nretry-after: 7' },
      { code: 'upstream_unreachable', outcome: 'not_run', retry: 'always', retryAfterMs: 7_000 },
    ],
    [
      'answers with something else',
      { refuse: '301 Moved\r\nlocation: http://127.0.0.1:1/' },
      { code: 'upstream_unreachable', outcome: 'not_run', retry: 'twice', upstreamStatus: 301 },
    ],
    [
      'closes the connection',
      { refuse: null },
      { code: 'upstream_unreachable', outcome: 'not_run', billed: 'no', retry: 'always' },
    ],
  ])('is asked once for a tunnel where it %s, and the upstream has no call', async (_title, options, row) => {
    const [origin, proxy] = [await startOrigin('https'), await startProxy(options)];
    const url = proxy.url.replace('a:b@', '');
    const answer = await call(upstreamThrough(origin.baseURL, url));
    expect(answer).toMatchObject({ failure: { phase: 'connect', ...row } });
    await sleep(100);
    expect([origin.hits.length, proxy.tunnels.length]).toEqual([0, 1]);
  });

  it('is named as the one that answered', async () => {
    const [origin, proxy] = [await startOrigin('https'), await startProxy({ refuse: '403 Forbidden' })];
    const answer = await call(upstreamThrough(origin.baseURL, proxy.url));
    expect(answer.kind === 'failed' && describeFailure(answer.failure)).toBe(
      '403 from the proxy (upstream_unreachable)',
    );
  });

  it('is known by its 407 for plain http as well', async () => {
    const [origin, proxy] = [await startOrigin('http'), await startProxy({ credentials: 'a:b' })];
    expect(await call(upstreamThrough(origin.baseURL, proxy.origin))).toMatchObject({
      failure: { code: 'upstream_auth_failed', outcome: 'rejected', retry: 'never', upstreamStatus: 407 },
    });
    expect([origin.hits.length, asked(proxy)]).toEqual([0, 1]);
  });

  it('is given up after the connect timeout where it never answers', async () => {
    const [origin, proxy] = [await startOrigin('https'), await startProxy({ stall: true })];
    expect(await call(upstreamThrough(origin.baseURL, proxy.url, 200))).toMatchObject({
      failure: { code: 'upstream_unreachable', outcome: 'not_run', phase: 'connect', retry: 'always' },
    });
    expect([origin.hits.length, proxy.tunnels.length]).toEqual([0, 1]);
  });

  it('is left at once where the call is aborted meanwhile', async () => {
    const [origin, proxy] = [await startOrigin('https'), await startProxy({ stall: true })];
    const abort = new AbortController();
    const longerThanTheTest = 600_000;
    const answer = call(upstreamThrough(origin.baseURL, proxy.url, longerThanTheTest), abort.signal);
    await until(
      () => proxy.tunnels.length,
      (count) => count === 1,
    );
    abort.abort();
    expect(await answer).toMatchObject({ failure: { outcome: 'not_run', phase: 'connect' } });
    expect(origin.hits).toEqual([]);
  });

  it.each(SCHEMES)('is an unreachable upstream where nothing listens on it, for %s', async (scheme) => {
    const origin = await startOrigin(scheme);
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await call(upstreamThrough(origin.baseURL, url))).toMatchObject({
      failure: { code: 'upstream_unreachable', outcome: 'not_run', phase: 'connect', retry: 'always' },
    });
    const noName = upstreamThrough(origin.baseURL, 'http://does-not-exist.invalid:1');
    expect(await call(noName)).toMatchObject({
      failure: { code: 'upstream_unreachable', outcome: 'not_run', phase: 'connect' },
    });
    expect(origin.hits).toEqual([]);
  });
});

describe('which proxy leads to an upstream', () => {
  const proxy = 'http://proxy:3128';
  it.each<[string, string, boolean]>([
    ['', 'https://api.example/v1', true],
    ['', 'https://127.0.0.1:8000/v1', true],
    ['*', 'https://api.example/v1', false],
    ['localhost, *', 'https://api.example/v1', false],
    ['api.example', 'https://api.example/v1', false],
    ['API.example', 'https://api.example/v1', false],
    ['api.example', 'https://api.example./v1', false],
    ['example', 'https://api.example/v1', false],
    ['.example', 'https://api.example/v1', false],
    ['*.example', 'https://api.example/v1', false],
    ['ample', 'https://api.example/v1', true],
    ['other,api.example:443', 'https://api.example/v1', false],
    ['api.example:8443', 'https://api.example/v1', true],
    ['api.example:8443', 'https://api.example:8443/v1', false],
    ['api.example:80', 'http://api.example/v1', false],
    ['127.0.0.1', 'http://127.0.0.1:8000/v1', false],
    ['127.0.0.1:8000', 'http://127.0.0.1:8000/v1', false],
    ['localhost', 'http://127.0.0.1:8000/v1', true],
    ['10.0.0.0/8', 'http://10.2.3.4/v1', false],
    ['10.0.0.0/8', 'http://11.2.3.4/v1', true],
    ['10.0.0.0/8', 'http://api.example/v1', true],
    ['10.0.0.0/99', 'http://10.2.3.4/v1', true],
    ['::1', 'http://[::1]:8000/v1', false],
    ['[::1]', 'http://[::1]:8000/v1', false],
    ['[::1]:8000', 'http://[::1]:8000/v1', false],
    ['[::1]:1', 'http://[::1]:8000/v1', true],
    ['fd00::/8', 'http://[fd00::1]/v1', false],
    ['a b\tapi.example', 'https://api.example/v1', false],
  ])('with NO_PROXY=%j is, for %s, one: %s', (NO_PROXY, url, isProxied) => {
    const used = read(
      { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY, REQRUN_ALLOW_PLAIN_UPSTREAM: '1' },
      url,
    );
    expect(used === null).toBe(!isProxied);
  });

  it('depends on the scheme, and HTTP_PROXY stands in for a missing HTTPS_PROXY', () => {
    const both = { HTTPS_PROXY: 'http://s:1', HTTP_PROXY: 'http://p:2' };
    const originOf = (env: Record<string, string>, url: string): string | undefined => read(env, url)?.origin;
    expect(originOf(both, 'https://a/v1')).toBe('http://s:1');
    expect(originOf(both, 'http://127.0.0.1/v1')).toBe('http://p:2');
    expect(originOf({ HTTP_PROXY: 'http://p:2' }, 'https://a/v1')).toBe('http://p:2');
    expect(originOf({ HTTPS_PROXY: 'http://s:1' }, 'http://127.0.0.1/v1')).toBeUndefined();
  });

  it('is named in either case; the lower one wins, and an empty one is none', () => {
    const originOf = (env: Record<string, string>): string | undefined => read(env, 'https://a/v1')?.origin;
    expect(originOf({ https_proxy: 'http://low:1' })).toBe('http://low:1');
    expect(originOf({ https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:1' })).toBe('http://low:1');
    expect(originOf({ https_proxy: '', HTTPS_PROXY: 'http://up:1' })).toBe('http://up:1');
    expect(originOf({ HTTPS_PROXY: 'http://up:1', no_proxy: 'a' })).toBeUndefined();
    expect(originOf({ HTTPS_PROXY: 'proxy.corp:3128' })).toBe('http://proxy.corp:3128');
  });

  it('is a fault of the configuration where it is no http proxy, without its value', () => {
    for (const HTTPS_PROXY of ['socks5://canary:1', 'http://', 'http://canary:%zz@p:1', 'ftp://canary']) {
      expect(() => loadConfig({ HTTPS_PROXY })).toThrow(
        /HTTPS_PROXY must be the http or https URL of a proxy/,
      );
      expect(() => loadConfig({ HTTPS_PROXY })).not.toThrow(/canary/);
    }
  });

  it('is said at start without its credentials, and that the demo upstream is not asked through it', () => {
    const { proxies } = loadConfig({ HTTPS_PROXY: 'http://user:canary@proxy:3128/' });
    expect(describeUpstreamProxy('https://a/v1', proxies)).toBe('http://proxy:3128 (HTTPS_PROXY)');
    expect(describeUpstreamProxy(null, proxies)).toBe(
      'none for this upstream; for others http://proxy:3128 (HTTPS_PROXY)',
    );
    expect(describeUpstreamProxy('https://a/v1', loadConfig({}).proxies)).toBe(null);
  });
});
