/** End to end: the codec server decrypts payloads as Temporal's UI and CLI ask it to, for nobody else. */
import type { Payload } from '@temporalio/common';
import type { FastifyInstance } from 'fastify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildCodecServer, RemotePayloads, toRemote } from '../../src/encryption/codec-server.ts';
import { parseEncryptionKeys } from '../../src/encryption/keys.ts';
import { post, unique } from '../support/api.ts';
import { newKey } from '../support/encryption.ts';
import { freePort } from '../support/free-port.ts';
import { runEntryFile } from '../support/process.ts';
import { exchange } from '../support/raw-http.ts';
import { ok } from '../support/scripted-upstream.ts';
import { useDeployment } from '../support/use-deployment.ts';

const KEY = newKey('k');
const UI = 'http://127.0.0.1:8233';
const TOKEN = 't'.repeat(32);
const { upstream, deployment, url } = await useDeployment({ env: { REQRUN_ENCRYPTION_KEYS: KEY } });
const servers: FastifyInstance[] = [];
afterAll(async () => void (await Promise.all(servers.map((server) => server.close()))));

async function start(access: { prefix?: string; token?: string | null }): Promise<string> {
  const keys = parseEncryptionKeys(KEY);
  if (typeof keys === 'string') throw new Error(keys);
  const server = await buildCodecServer({
    keys,
    prefix: '',
    token: null,
    resolve: null,
    origins: [UI],
    ...access,
  });
  servers.push(server);
  return `${await server.listen({ host: '127.0.0.1', port: 0 })}${access.prefix ?? ''}`;
}

function send(endpoint: string, payloads: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-namespace': 'default', ...headers },
    body: JSON.stringify(payloads),
  });
}

/** Their data as text. */
async function textsOf(response: Response): Promise<string[]> {
  const { payloads } = RemotePayloads.parse(await response.json());
  return payloads.map(({ data }) => Buffer.from(data ?? '', 'base64').toString());
}

const Bytes = z.instanceof(Uint8Array);
const StoredPayload = z.object({ metadata: z.record(z.string(), Bytes), data: Bytes });

/** Every payload of a history, wherever it is in an event. */
function payloadsIn(value: unknown): Payload[] {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return [];
  const { data: payload } = StoredPayload.safeParse(value);
  if (payload !== undefined) return [payload];
  return Object.values(value).flatMap(payloadsIn);
}

async function historyOf(key: string): Promise<Payload[]> {
  upstream.script(key, { answer: 429, headers: { 'retry-after': '1' }, body: {} }, ok('the very answer'));
  await post(url, { model: key, idempotency_key: key, wait: 20, user: 'the-caller' });
  const { events } = await deployment.client.workflow.getHandle(key).fetchHistory();
  return payloadsIn(events);
}

const history = await historyOf(unique('codec'));
const sealed = history.filter(({ metadata }) => String(metadata?.['encoding']) === 'binary/encrypted');

describe('the codec server', () => {
  it('decodes what a history holds: input, answer, journal, summaries; and leaves alone what is plain', async () => {
    const endpoint = await start({});
    const response = await send(`${endpoint}/decode?preserveStorageRefs=true`, toRemote(history));
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const texts = await textsOf(response);
    expect(texts).toHaveLength(history.length);
    for (const told of [
      'the-caller',
      'the very answer',
      'heartbeat_timeout_seconds',
      'chat.completions · ',
    ]) {
      expect(texts.join('\n')).toContain(told);
    }
    const { payloads } = RemotePayloads.parse(
      await (await send(`${endpoint}/decode`, toRemote(history))).json(),
    );
    const encodings = payloads.map(({ metadata }) =>
      Buffer.from(metadata?.['encoding'] ?? '', 'base64').toString(),
    );
    expect(encodings).not.toContain('binary/encrypted');
    const plain = { payloads: [{ metadata: { encoding: btoa('json/plain') }, data: btoa('"x"') }] };
    expect(await (await send(`${endpoint}/decode`, plain)).json()).toEqual(plain);
  });

  it('leaves encrypted what it cannot read, and shows the others', async () => {
    const endpoint = await start({});
    const { payloads } = toRemote(sealed.slice(0, 2));
    const [good, bad] = payloads;
    const altered = { ...bad, data: btoa('not what it was, by far') };
    const response = await send(`${endpoint}/decode`, { payloads: [altered, good] });
    const { payloads: decoded } = RemotePayloads.parse(await response.json());
    expect(decoded[0]).toEqual(altered);
    expect(decoded[1]).not.toEqual(good);
    const elsewhere = await send(`${endpoint}/decode`, { payloads: [good] }, { 'x-namespace': 'other' });
    expect(await elsewhere.json()).toEqual({ payloads: [good] });
  });

  it('encodes for its namespace, and decodes it again', async () => {
    const endpoint = await start({});
    const plain = { payloads: [{ metadata: { encoding: btoa('json/plain') }, data: btoa('{"a":1}') }] };
    const encoded = await (await send(`${endpoint}/encode`, plain)).text();
    expect(encoded).not.toContain(btoa('{"a":1}'));
    expect(await textsOf(await send(`${endpoint}/decode`, JSON.parse(encoded)))).toEqual(['{"a":1}']);
  });

  it.each([
    ['no payloads', { payload: [] }],
    ['data that is no base64', { payloads: [{ data: '%' }] }],
    ['no object', []],
  ])('refuses %s without a word of it', async (_what, body) => {
    const response = await send(`${await start({})}/decode`, body);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: { message: 'These are no payloads that this server takes.' } },
    ]);
  });

  it('takes a page of many payloads of 2 MiB', async () => {
    const data = Buffer.alloc(2 * 1024 * 1024, 'x');
    const many = toRemote(Array.from({ length: 12 }, () => ({ metadata: {}, data })));
    expect((await send(`${await start({})}/decode`, many)).status).toBe(200);
  });

  it('answers a page of the UI’s origin, and of no other', async () => {
    const endpoint = `${await start({})}/decode`;
    for (const [origin, allowed] of [
      [UI, UI],
      ['http://127.0.0.1:9999', null],
      ['null', null],
    ] as const) {
      const asked = {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,x-namespace',
      };
      const preflight = await fetch(endpoint, { method: 'OPTIONS', headers: asked });
      const answer = await send(endpoint, { payloads: [] }, { origin });
      const told = [preflight, answer].map(({ headers }) => headers.get('access-control-allow-origin'));
      expect([origin, ...told]).toEqual([origin, allowed, allowed]);
      // Not only kept from the page: nothing is decrypted for it.
      expect(answer.status).toBe(allowed === null ? 403 : 200);
      expect(answer.headers.get('access-control-allow-credentials')).toBe(null);
    }
  });

  it('refuses, without a token, a name that a page had resolved to loopback (DNS rebinding)', async () => {
    const body = JSON.stringify({ payloads: [] });
    const head = 'POST /decode HTTP/1.1\r\ncontent-type: application/json\r\nconnection: close';
    const ask = async (endpoint: string, host: string): Promise<number | undefined> =>
      (
        await exchange(
          endpoint,
          Buffer.from(`${head}\r\nhost: ${host}\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
        )
      )?.status;
    const endpoint = await start({});
    expect(
      await Promise.all(['evil.example:18081', 'localhost:1'].map((host) => ask(endpoint, host))),
    ).toEqual([403, 200]);
  });

  it('is found behind its unguessable segment alone', async () => {
    const endpoint = await start({ prefix: '/segment' });
    const { origin } = new URL(endpoint);
    const statuses = ['/segment/decode', '/decode', '/segment2/decode', '/segment/', '/'].map(
      async (path) => (await send(origin + path, { payloads: [] })).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 404, 404, 404, 404]);
  });

  it('wants its token, before it reads what was sent', async () => {
    const endpoint = `${await start({ token: TOKEN })}/decode`;
    for (const authorization of [
      `Bearer ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      TOKEN,
      `Bearer ${'u'.repeat(32)}`,
      '',
    ]) {
      const response = await send(endpoint, toRemote(sealed), { authorization });
      expect([authorization, response.status]).toEqual([
        authorization,
        authorization === `Bearer ${TOKEN}` ? 200 : 401,
      ]);
    }
    const preflight = await fetch(endpoint, {
      method: 'OPTIONS',
      headers: { origin: UI, 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
  });
});

describe('a process with a codec server', () => {
  const UiSettings = z.object({ Codec: z.object({ Endpoint: z.string() }) });

  it('tells the embedded UI where that is, and nobody else', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'reqrun-codec-'));
    const [port, temporal, ui, codec] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const service = runEntryFile('src/main.ts', {
      PORT: String(port),
      REQRUN_DATA_DIR: dataDir,
      REQRUN_TEMPORAL_PORT: String(temporal),
      REQRUN_TEMPORAL_UI_PORT: String(ui),
      REQRUN_ENCRYPTION_KEYS: KEY,
      REQRUN_CODEC_SERVER: '1',
      REQRUN_CODEC_PORT: String(codec),
      REQRUN_LOG_LEVEL: 'trace',
      OPENAI_BASE_URL: upstream.baseURL,
    });
    try {
      await service.untilOutput('Try it');
      const settings = await fetch(`http://127.0.0.1:${ui}/api/v1/settings`);
      const { Endpoint } = UiSettings.parse(await settings.json()).Codec;
      expect(Endpoint).toMatch(new RegExp(`^http://127.0.0.1:${codec}/[A-Za-z0-9_-]{43}$`));
      const answer = await send(`${Endpoint}/decode`, toRemote(sealed), { origin: `http://localhost:${ui}` });
      expect(answer.headers.get('access-control-allow-origin')).toBe(`http://localhost:${ui}`);
      expect((await textsOf(answer)).join()).toContain('the very answer');
      expect((await send(`http://127.0.0.1:${codec}/decode`, { payloads: [] })).status).toBe(404);
      for (const secret of [new URL(Endpoint).pathname, KEY.slice(2)]) {
        expect(service.output()).not.toContain(secret);
      }
    } finally {
      await service.end('SIGTERM');
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  it.each(['src/main.ts', 'src/api.ts'])(
    'is not left unguarded for the UI of another server: %s says what is missing',
    async (entry) => {
      const service = runEntryFile(entry, {
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        REQRUN_ENCRYPTION_KEYS: KEY,
        REQRUN_CODEC_SERVER: '1',
      });
      await service.untilOutput('REQRUN_CODEC_SERVER needs REQRUN_CODEC_TOKEN');
      await service.end('SIGKILL');
      expect(service.output()).not.toContain(KEY.slice(2));
    },
  );
});
