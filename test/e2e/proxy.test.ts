/** End to end on real processes: what goes through the environment's proxy, and what must not. */
import { afterEach, describe, expect, inject, it } from 'vitest';
import { connectLazily, connectNative } from '../../src/temporal/connection.ts';
import { readNamedTemporal } from '../../src/temporal/named-temporal.ts';
import { post } from '../support/api.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { createEmbeddedService } from '../support/embedded-service.ts';
import { runEntryFile } from '../support/process.ts';
import { startScriptedUpstream } from '../support/scripted-upstream.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const it of open.splice(0).toReversed()) await it.close();
});

const NAMES = ['https_proxy', 'http_proxy', 'grpc_proxy', 'HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'];

describe('the embedded server', () => {
  it.each(NAMES)('is asked without the proxy of %s, whose loopback is another', async (name) => {
    const proxy = await startConnectProxy({ refuse: null });
    const service = await createEmbeddedService({ [name]: proxy.url });
    open.push(proxy, { close: () => service.remove() });
    await service.start();
    const answer = await post(service.url, {
      model: 'demo',
      messages: [{ role: 'user', content: 'hi' }],
      wait: 20,
    });
    expect(answer.status).toBe(200);
    expect([proxy.tunnels, proxy.requests]).toEqual([[], []]);
  });
});

describe('a Temporal elsewhere', () => {
  const elsewhere = 'temporal.example:7233';
  const port = (): number => Number(inject('temporalAddress').split(':')[1]);

  it.each([undefined, 'user%40corp:pass'])(
    'is asked through the proxy by both clients, with credentials %s',
    async (credentials) => {
      const routes = { [elsewhere]: port() };
      const proxy = await startConnectProxy({
        routes,
        ...(credentials === undefined ? {} : { credentials }),
      });
      open.push(proxy);
      const { external } = readNamedTemporal({ TEMPORAL_ADDRESS: elsewhere, https_proxy: proxy.url });
      if (external === null) throw new Error('a server was named');
      const native = await connectNative(external);
      open.push(native);
      await native.workflowService.getSystemInfo({});
      expect(proxy.tunnels).toEqual([elsewhere]);
      // The other client reads the environment of its own process.
      const api = runEntryFile('src/api.ts', {
        PORT: '0',
        TEMPORAL_ADDRESS: elsewhere,
        https_proxy: proxy.url,
      });
      open.push({ close: () => api.end('SIGTERM') });
      await api.untilOutput('"msg":"ready"');
      expect(api.output()).toContain(`through the proxy ${proxy.origin} (https_proxy)`);
      expect(api.output()).not.toContain('does not answer');
      expect(api.output()).not.toContain('user');
      expect(proxy.tunnels.length).toBeGreaterThan(1);
      expect(new Set(proxy.tunnels)).toEqual(new Set([elsewhere]));
    },
  );

  it.each([
    { no_proxy: 'other,.example' },
    { no_grpc_proxy: 'temporal.example', no_proxy: 'other' },
    { https_proxy: 'socks5://127.0.0.1:1' },
  ])('is asked without one where gRPC asks none: %j', (env) => {
    const named = { TEMPORAL_ADDRESS: elsewhere, https_proxy: 'http://127.0.0.1:9', ...env };
    expect(readNamedTemporal(named).external?.proxy).toBe(null);
  });

  it.each(['127.0.0.1:7233', 'localhost:7233', '[::1]:7233', 'localhost'])(
    'has no proxy on the way where its address is %s',
    (address) => {
      const named = { TEMPORAL_ADDRESS: address, https_proxy: 'http://127.0.0.1:9' };
      expect(readNamedTemporal(named).external?.proxy).toBe(null);
    },
  );

  it('has no proxy on the way for a client that was given none, whatever the environment says', async () => {
    const proxy = await startConnectProxy({ refuse: null });
    open.push(proxy);
    process.env['https_proxy'] = proxy.url;
    try {
      const address = inject('temporalAddress');
      const lazy = connectLazily({ address, namespace: 'default', apiKey: null, tls: false });
      open.push(lazy);
      await lazy.withDeadline(Date.now() + 5_000, () => lazy.workflowService.getSystemInfo({}));
    } finally {
      delete process.env['https_proxy'];
    }
    expect(proxy.tunnels).toEqual([]);
  });

  it.each(['src/main.ts', 'src/worker.ts', 'src/api.ts'])(
    'that cannot be reached is named by %s with the proxy on the way, and without its credentials',
    async (entry) => {
      const proxy = await startConnectProxy({ refuse: '403 Forbidden', credentials: 'user:canary' });
      const env = { PORT: '0', TEMPORAL_ADDRESS: elsewhere, http_proxy: proxy.url };
      const started = runEntryFile(entry, env);
      open.push(proxy, { close: () => started.end('SIGTERM') });
      await started.untilOutput(`${elsewhere} through the proxy ${proxy.origin} (http_proxy)`);
      expect(started.output()).toMatch(/cannot be reached|does not answer/);
      expect(started.output()).not.toContain('canary');
    },
  );
});

describe('upstream calls', () => {
  const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }], wait: 20 };

  it('go through the proxy that the start names, without its credentials', async () => {
    const [proxy, upstream] = [
      await startConnectProxy({ credentials: 'user:canary' }),
      await startScriptedUpstream(),
    ];
    const service = await createEmbeddedService({ OPENAI_BASE_URL: upstream.baseURL, http_proxy: proxy.url });
    open.push(upstream, proxy, { close: () => service.remove() });
    const started = await service.start();
    expect((await post(service.url, body)).status).toBe(200);
    expect([upstream.calls(), proxy.requests]).toEqual([1, [`${upstream.baseURL}/chat/completions`]]);
    expect(started.output()).toContain(`Proxy        ${proxy.origin} (HTTP_PROXY)`);
    expect(started.output()).not.toContain('canary');
  });

  it('go straight where NO_PROXY has the upstream', async () => {
    const [proxy, upstream] = [await startConnectProxy({ refuse: null }), await startScriptedUpstream()];
    const service = await createEmbeddedService({
      OPENAI_BASE_URL: upstream.baseURL,
      HTTP_PROXY: proxy.url,
      HTTPS_PROXY: proxy.url,
      NO_PROXY: '127.0.0.0/8',
    });
    open.push(upstream, proxy, { close: () => service.remove() });
    const started = await service.start();
    expect((await post(service.url, body)).status).toBe(200);
    expect([upstream.calls(), proxy.requests, proxy.tunnels]).toEqual([1, [], []]);
    expect(started.output()).toContain('Proxy        none for this upstream');
  });

  it('have their proxy in the log of a worker', async () => {
    const worker = runEntryFile('src/worker.ts', {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      OPENAI_BASE_URL: 'https://api.example/v1',
      HTTPS_PROXY: 'user:canary@proxy.corp:3128',
    });
    open.push({ close: () => worker.end('SIGTERM') });
    await worker.untilOutput('"msg":"ready"');
    expect(worker.output()).toContain('"upstream_proxy":"http://proxy.corp:3128 (HTTPS_PROXY)"');
    expect(worker.output()).not.toContain('canary');
  });
});
