/** `reqrun doctor` on a healthy machine and on broken ones; each check is made against the real thing. */
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { type Check } from '../../src/cli/doctor/check.ts';
import { checkNode } from '../../src/cli/doctor/check-machine.ts';
import { checkClock } from '../../src/cli/doctor/check-upstream.ts';
import { runChecks } from '../../src/cli/doctor/run-checks.ts';
import { lockDataDir } from '../../src/dev-server/data-dir.ts';
import { runCommand } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';

// Each command is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

let dir: string;
let env: Record<string, string>;
const servers: Server[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reqrun-doctor-'));
  env = {
    PATH: '/usr/bin:/bin',
    PORT: String(await freePort()),
    REQRUN_TEMPORAL_PORT: String(await freePort()),
    REQRUN_TEMPORAL_UI_PORT: String(await freePort()),
    REQRUN_DATA_DIR: join(dir, 'data'),
    REQRUN_CACHE_DIR: join(dir, 'cache'),
    REQRUN_TEMPORAL_CLI_URL: inject('temporalBinary'),
  };
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await rm(dir, { recursive: true, force: true });
});

async function serve(listener: RequestListener, port = 0): Promise<string> {
  const server = createServer(listener).listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}
const check = async (name: string, more: Record<string, string> = {}): Promise<Check | undefined> =>
  (await runChecks({ ...env, ...more })).find((one) => one.name === name);

describe('reqrun doctor', () => {
  it('finds nothing wrong on a healthy machine, and leaves nothing behind', async () => {
    const url = await serve((_request, response) => response.end('{}'));
    const healthy = { ...env, OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'canary' };
    const checks = await runChecks(healthy);
    expect(checks.map(({ name, verdict }) => `${name}: ${verdict}`)).toEqual([
      'Node: ok',
      'configuration: ok',
      'data directory: ok',
      'API port: ok',
      'Temporal port: ok',
      'UI port: ok',
      'Temporal: ok',
      'upstream: ok',
      'proxy: ok',
      'clock: ok',
    ]);
    expect(JSON.stringify(checks)).not.toContain('canary');
    expect(await readdir(dir)).toEqual([]);
    const { code, stdout } = await runCommand(['doctor'], { env: healthy });
    expect([code, stdout.trim().split('\n').at(-1)]).toEqual([0, 'All is well.']);
  });

  it('puts a blob into a configured store, and takes it out again', async () => {
    const directory = join(dir, 'blobs');
    expect(await check('blob store')).toBeUndefined();
    expect(await check('blob store', { REQRUN_BLOB_STORE: `file:${directory}` })).toMatchObject({
      verdict: 'ok',
    });
    expect(await readdir(directory, { recursive: true })).toEqual(['doctor']);
    const file = join(dir, 'a-file');
    await writeFile(file, '');
    const broken = await check('blob store', { REQRUN_BLOB_STORE: `file:${file}/blobs` });
    expect(broken).toMatchObject({ verdict: 'fault', todo: expect.stringContaining('REQRUN_BLOB_STORE') });
  });

  it('names each fault with what to do, and ends with 1, because a script may ask', async () => {
    await serve((_request, response) => response.end(), Number(env['PORT']));
    const broken = { ...env, OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1` };
    const { code, stdout } = await runCommand(['doctor', '--json'], { env: broken });
    const { ok, checks }: { ok: boolean; checks: Check[] } = JSON.parse(stdout);
    expect([code, ok]).toEqual([1, false]);
    expect(checks.filter(({ verdict }) => verdict === 'fault')).toEqual([
      {
        name: 'API port',
        verdict: 'fault',
        found: `${env['PORT']} is in use by another program`,
        todo: 'Stop that program, or set PORT to a free port.',
      },
      {
        name: 'upstream',
        verdict: 'fault',
        found: expect.stringMatching(/cannot be reached: connect ECONNREFUSED/),
        todo: expect.stringContaining('OPENAI_BASE_URL'),
      },
    ]);
  });

  it('lists the faults of the configuration, and checks no further what depends on it', async () => {
    const checks = await runChecks({ ...env, PORT: 'x', REQRUN_LOG_LEVEL: 'loud' });
    expect(checks.map(({ found }) => found)).toEqual([
      process.versions.node,
      'PORT must be a whole number',
      'REQRUN_LOG_LEVEL must be a pino level',
    ]);
  });

  it('tells a ReqRun that runs already from another program on the ports', async () => {
    const lock = await lockDataDir(env['REQRUN_DATA_DIR'] ?? '', 0);
    await serve((_request, response) => response.end(), Number(env['PORT']));
    try {
      const found = (await runChecks(env)).filter(({ verdict }) => verdict === 'warning');
      expect(found.map(({ name }) => name)).toEqual(['data directory', 'API port', 'upstream']);
    } finally {
      lock.release();
    }
  });

  it('finds a data directory that is a file', async () => {
    await writeFile(join(dir, 'data'), '');
    expect(await check('data directory')).toMatchObject({ verdict: 'fault' });
  });

  it('finds a Temporal that does not answer, and one that does', async () => {
    const away = `127.0.0.1:${await freePort()}`;
    expect(await check('Temporal', { TEMPORAL_ADDRESS: away })).toMatchObject({
      verdict: 'fault',
      found: expect.stringContaining(
        `${away} (named by TEMPORAL_ADDRESS) does not answer: connect ECONNREFUSED`,
      ),
    });
    const there = { TEMPORAL_ADDRESS: inject('temporalAddress') };
    expect(await check('Temporal', there)).toMatchObject({ verdict: 'ok' });
    // Only an embedded server needs a directory and ports.
    expect(await check('data directory', there)).toBe(undefined);
  });

  it('says what the first start would download, or that it cannot', async () => {
    const url = await serve((_request, response) => response.writeHead(404).end());
    expect(await check('Temporal', { REQRUN_TEMPORAL_CLI_URL: `${url}/` })).toMatchObject({
      verdict: 'warning',
      found: expect.stringContaining(`downloads version 1.8.2 from ${url}/temporal_cli_1.8.2_`),
    });
    const gone = `http://127.0.0.1:${await freePort()}/`;
    expect(await check('Temporal', { REQRUN_TEMPORAL_CLI_URL: gone })).toMatchObject({
      verdict: 'fault',
      todo: expect.stringContaining('REQRUN_TEMPORAL_CLI_URL'),
    });
    await mkdir(join(dir, 'bin'));
    await writeFile(join(dir, 'bin', 'temporal'), '#!/bin/sh\nexit 1\n');
    await chmod(join(dir, 'bin', 'temporal'), 0o755);
    expect(await check('Temporal', { REQRUN_TEMPORAL_CLI_URL: join(dir, 'bin', 'temporal') })).toMatchObject({
      verdict: 'fault',
    });
  });

  it('finds a key that the upstream refuses, without showing it', async () => {
    const url = await serve((_request, response) => response.writeHead(401).end());
    const refused = await check('upstream', { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'canary' });
    expect(refused).toMatchObject({ verdict: 'fault', todo: expect.stringContaining('OPENAI_API_KEY') });
    expect(JSON.stringify(refused)).not.toContain('canary');
  });

  it('names the proxy in use, and blames it where it is away', async () => {
    const HTTP_PROXY = `http://me:canary@127.0.0.1:${await freePort()}`;
    const more = { OPENAI_BASE_URL: 'http://127.0.0.1:9/v1', HTTP_PROXY };
    expect((await check('proxy', more))?.found).toMatch(/^http:\/\/127\.0\.0\.1:\d+ \(HTTP_PROXY\)$/);
    expect(await check('upstream', more)).toMatchObject({ verdict: 'fault' });
    expect((await check('proxy', { ...more, NO_PROXY: '*' }))?.found).toContain('none for this upstream');
  });

  it('compares the clock with the upstream’s', () => {
    const nowMs = Date.parse('2026-11-26T10:00:00Z');
    const at = (date: string): string => checkClock(date, nowMs).verdict;
    expect(at('Thu, 26 Nov 2026 10:00:02 GMT')).toBe('ok');
    expect(at('Thu, 26 Nov 2026 09:59:00 GMT')).toBe('warning');
    expect(at('Thu, 26 Nov 2026 10:06:00 GMT')).toBe('fault');
    expect(checkClock(null, nowMs).found).toContain('not compared');
  });

  it('finds a Node without SQLite, only where an embedded server needs it', () => {
    expect(checkNode(true, '22.12.0').verdict).toBe('fault');
    expect(checkNode(false, '22.12.0').verdict).toBe('ok');
    expect(checkNode(true, '22.13.0').verdict).toBe('ok');
  });
});
