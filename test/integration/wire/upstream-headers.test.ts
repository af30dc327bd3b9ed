/** Headers of a deployment's own on upstream calls: what may be configured, what is sent, and what is kept. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/config.ts';
import { createKeyRing } from '../../../src/keys/key-ring.ts';
import { parseKeysFile } from '../../../src/keys/keys-file.ts';
import { parseUpstreamHeaders, readHeaders } from '../../../src/keys/upstream-headers.ts';
import { openCommonUpstream } from '../../../src/process/common-upstream.ts';
import { createUpstream, type UpstreamSettings } from '../../../src/upstream/client.ts';
import { startScriptedUpstream, type ScriptedUpstream } from '../../support/scripted-upstream.ts';

let scripted: ScriptedUpstream;
let directory: string;
beforeAll(async () => {
  scripted = await startScriptedUpstream();
  directory = await mkdtemp(join(tmpdir(), 'reqrun-headers-'));
});
afterAll(async () => {
  await scripted.close();
  await rm(directory, { recursive: true, force: true });
});

async function headersSent(model: string, settings: Partial<UpstreamSettings>): Promise<object> {
  const common = { baseURL: scripted.baseURL, apiKey: null, maxResponseBytes: 1_000_000 };
  const upstream = createUpstream({ ...common, ...settings });
  const body = Buffer.from(JSON.stringify({ model, messages: [] }));
  await upstream.complete({
    body,
    operation: 'chat.completions',
    clientRequestId: 'rr/1',
    signal: AbortSignal.timeout(5_000),
  });
  await upstream.close();
  return scripted.hits(model).at(-1)?.headers ?? {};
}

describe('an upstream call', () => {
  it('carries the configured headers over the client’s own, and needs no Authorization', async () => {
    const sent = await headersSent('own', {
      headers: { 'api-key': 'k', 'http-referer': 'https://app.example', 'user-agent': 'app/1' },
    });
    expect(sent).toMatchObject({
      'api-key': 'k',
      'http-referer': 'https://app.example',
      'user-agent': 'app/1',
      'content-type': 'application/json',
      'x-client-request-id': 'rr/1',
    });
    expect(sent).not.toHaveProperty('authorization');
  });

  it('may have an Authorization of another kind', async () => {
    const sent = await headersSent('basic', { headers: { authorization: 'Basic eA==' } });
    expect(sent).toMatchObject({ authorization: 'Basic eA==' });
  });

  it('leaves out what the SDK says of itself where that is wanted', async () => {
    const isStainless = (name: string): boolean => name.startsWith('x-stainless-');
    expect(Object.keys(await headersSent('sdk', {})).some(isStainless)).toBe(true);
    expect(Object.keys(await headersSent('no-sdk', { sdkHeaders: false })).filter(isStainless)).toEqual([]);
  });
});

describe('the headers of an upstream', () => {
  const faultsOf = (headers: unknown): readonly string[] => {
    const parsed = parseUpstreamHeaders(JSON.stringify({ headers }));
    return 'faults' in parsed ? parsed.faults : [];
  };

  it.each<[string, object]>([
    ['a literal', { 'HTTP-Referer': { value: 'https://app.example' } }],
    ['a variable', { 'api-key': { env: 'AZURE_KEY' } }],
    ['a file', { 'cf-aig-authorization': { file: '/run/secrets/gateway' } }],
    ['its own authorization', { Authorization: { env: 'BASIC' } }],
    ['another name for the client', { 'User-Agent': { value: 'app/1 (x y)' } }],
    ['none', {}],
  ])('may come from %s', (_title, headers) => expect(faultsOf(headers)).toEqual([]));

  it.each([
    ...['Host', 'Content-Length', 'Connection', 'Transfer-Encoding', 'TE', 'Upgrade', 'Proxy-Authorization'],
    ...['Expect', 'Keep-Alive', 'Trailer', 'Content-Type', 'Content-Encoding', 'Accept', 'Accept-Encoding'],
    ...['X-Client-Request-Id', 'Idempotency-Key', 'X-Stainless-Lang'],
  ])('cannot have %s, and the fault says why', (name) => {
    expect(faultsOf({ [name]: { value: 'x' } })).toEqual([
      expect.stringMatching(new RegExp(`^headers must not have ${name.toLowerCase()}: it `)),
    ]);
  });

  it.each<[string, unknown]>([
    ['no source', { a: {} }],
    ['two sources', { a: { env: 'A', value: 'canary' } }],
    ['an unknown source', { a: { vault: 'canary' } }],
    ['a bare value', { a: 'canary' }],
    ['an empty value', { a: { value: '' } }],
    ['a value with a line break', { a: { value: 'canary\r\nx: y' } }],
    ['a value outside ASCII', { a: { value: 'canäry' } }],
    ['a space around the value', { a: { value: ' canary' } }],
    ['no variable’s name', { a: { env: 'canary canary' } }],
    ['a name with a space', { 'canary canary': { value: 'x' } }],
    ['a name with a value in it', { 'Authorization: Bearer canary': { value: 'x' } }],
    ['a proxy’s name with a value in it', { 'Proxy-Authorization: canary': { value: 'x' } }],
    ['an empty name', { '': { value: 'x' } }],
    ['one name twice', { 'api-key': { value: 'x' }, 'API-Key': { value: 'y' } }],
    ['a list', ['canary']],
    ['too many', Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`h${index}`, { value: 'x' }]))],
  ])('are refused with %s, without repeating it', (_title, headers) => {
    const faults = faultsOf(headers);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join()).not.toMatch(/can.ry canary|Bearer|: canary|'canary'|"canary"/);
  });

  it('are read as they are now; what is missing or no header’s value is named', async () => {
    const path = join(directory, 'value');
    const sources = {
      A: { env: 'ONE' },
      B: { file: path },
      C: { value: 'c d' },
      D: { env: 'NOT_SET' },
      E: { file: join(directory, 'none') },
      F: { env: 'BAD' },
    };
    const env: Record<string, string> = { ONE: ' one\n', BAD: 'a\u0000b' };
    const secretOf = (name: string): string | null => env[name] ?? null;
    await writeFile(path, 'two\n');
    expect(await readHeaders(sources, secretOf)).toEqual({
      headers: { a: 'one', b: 'two', c: 'c d' },
      unreadable: ['D', 'E', 'F'],
    });
  });
});

describe('the keys file', () => {
  const parse = (upstream: object) =>
    parseKeysFile(JSON.stringify({ projects: { billing: { upstream } }, keys: [] }));
  const base_url = 'https://api.example/v1';

  it('names a project’s headers and whether the SDK’s are sent; they survive a change of the file', () => {
    const upstream = { base_url, headers: { 'api-key': { env: 'AZURE_KEY' } }, sdk_headers: false };
    const file = parse(upstream);
    expect(createKeyRing(file).upstreamOf('billing')).toEqual({
      baseURL: base_url,
      apiKeyEnv: null,
      apiKeyFile: null,
      headers: { 'api-key': { env: 'AZURE_KEY' } },
      sdkHeaders: false,
      lanes: {},
      streams: false,
      streamUsage: true,
    });
    expect(createKeyRing(parseKeysFile(JSON.stringify(file))).upstreamOf('billing')).toMatchObject({
      headers: upstream.headers,
    });
    expect(createKeyRing(parse({ base_url })).upstreamOf('billing')).toMatchObject({
      headers: {},
      sdkHeaders: true,
    });
  });

  it('has either a key or an Authorization header, because both are sent in the same place', () => {
    const headers = { authorization: { env: 'BASIC' } };
    expect(() => parse({ base_url, headers })).not.toThrow();
    for (const key of [{ api_key_env: 'A' }, { api_key_file: 'a' }]) {
      expect(() => parse({ base_url, headers, ...key })).toThrow(
        'projects.billing.upstream.headers must not have authorization beside a key',
      );
    }
    expect(() => parse({ base_url, headers: { Host: { value: 'x' } } })).toThrow('must not have host');
  });
});

describe('the service-wide upstream', () => {
  async function opened(env: Record<string, string>, file?: unknown): Promise<UpstreamSettings | null> {
    const path = join(directory, 'headers.json');
    if (file !== undefined) await writeFile(path, typeof file === 'string' ? file : JSON.stringify(file));
    const named = file === undefined ? {} : { REQRUN_UPSTREAM_HEADERS_FILE: path };
    const read = await openCommonUpstream(loadConfig({ ...env, ...named }));
    return read === null ? null : ((await read())?.settings ?? null);
  }
  const key = { OPENAI_API_KEY: 'sk-1' };

  it('is sent the account that the SDK’s variables name, unless its own headers name another', async () => {
    const account = { ...key, OPENAI_ORG_ID: 'org-1', OPENAI_PROJECT_ID: 'proj-1' };
    const both = { 'openai-organization': 'org-1', 'openai-project': 'proj-1' };
    expect(await opened(account)).toMatchObject({ apiKey: 'sk-1', headers: both });
    const headers = { 'OpenAI-Organization': { value: 'org-2' } };
    expect((await opened(account, { headers }))?.headers).toEqual({
      ...both,
      'openai-organization': 'org-2',
    });
    expect((await opened(key))?.headers).toEqual({});
    expect(await opened({ OPENAI_ORG_ID: 'org-1' })).toBe(null);
  });

  it('has the headers of its file, whose values are read for each call', async () => {
    const path = join(directory, 'secret');
    await writeFile(path, 'first\n');
    vi.stubEnv('TEST_GATEWAY_KEY', 'from-env');
    const headersFile = join(directory, 'rotated.json');
    const headers = { 'api-key': { file: path }, 'x-gateway': { env: 'TEST_GATEWAY_KEY' } };
    await writeFile(headersFile, JSON.stringify({ headers, sdk_headers: false }));
    const env = { OPENAI_BASE_URL: 'https://api.example/v1', REQRUN_UPSTREAM_HEADERS_FILE: headersFile };
    const read = await openCommonUpstream(loadConfig(env));
    const headersNow = { 'api-key': 'first', 'x-gateway': 'from-env' };
    const connection = { baseURL: env.OPENAI_BASE_URL, apiKey: null, sdkHeaders: false };
    expect(await read?.()).toMatchObject({
      settings: { ...connection, headers: headersNow },
      streams: false,
    });
    await writeFile(path, 'second');
    expect(await read?.()).toMatchObject({ settings: { headers: { 'api-key': 'second' } } });
    await rm(path);
    expect(await read?.()).toBe(null);
    vi.unstubAllEnvs();
  });

  it.each<[string, Record<string, string>, unknown, string]>([
    ['is no JSON', key, '{"headers": canary', 'it is not JSON'],
    ['names a header twice', key, '{"headers":{"a":{"value":"x"},"a":{"value":"y"}}}', 'twice'],
    ['has an unknown member', key, { header: {} }, 'Unrecognized key'],
    ['has a forbidden header', key, { headers: { Host: { value: 'canary' } } }, 'must not have host'],
    [
      'has the key’s own header',
      key,
      { headers: { Authorization: { value: 'canary' } } },
      'together with OPENAI_API_KEY',
    ],
    [
      'names a variable that is not set',
      key,
      { headers: { 'api-key': { env: 'TEST_NOT_THERE' } } },
      'api-key',
    ],
    ['has no upstream to be for', {}, { headers: {} }, 'needs OPENAI_BASE_URL or OPENAI_API_KEY'],
  ])('is a fault of the configuration where its file %s', async (_title, env, file, message) => {
    const failure = await opened(env, file).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(String(failure)).toContain('REQRUN_UPSTREAM_HEADERS_FILE');
    expect(String(failure)).toContain(message);
    expect(String(failure)).not.toContain('canary');
  });

  it('is one where the file is not there', async () => {
    const config = loadConfig({ ...key, REQRUN_UPSTREAM_HEADERS_FILE: join(directory, 'nowhere') });
    await expect(openCommonUpstream(config)).rejects.toThrow('REQRUN_UPSTREAM_HEADERS_FILE cannot be read');
  });
});
