/** The download of the Temporal CLI, from a server of the test's own: a mirror, a proxy, and no network at all. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BinarySettings } from '../../../src/dev-server/binary-on-disk.ts';
import { type CliArchive, cliSource } from '../../../src/dev-server/cli-release.ts';
import { downloadBinary } from '../../../src/dev-server/download.ts';
import { findTemporalBinary, NoBinaryError } from '../../../src/dev-server/find-binary.ts';
import { proxyUrl } from '../../../src/domain/proxy.ts';
import { startConnectProxy } from '../../support/connect-proxy.ts';
import { freePort } from '../../support/free-port.ts';

const NO_PROXIES = { https: null, http: null, exceptions: '' };
const RECENT = '#!/bin/sh\necho "temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)"\n';

let dir: string;
let server: Server;
let url: string;
/** What the server has, by path. */
let files: Map<string, Buffer | string>;
/** Paths and authorization of what was asked for. */
let asked: string[];
let lines: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reqrun-download-'));
  files = new Map();
  asked = [];
  lines = [];
  server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization ?? ''}`.trim());
    const file = files.get(request.url ?? '');
    response.writeHead(file === undefined ? 404 : 200).end(file);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(dir, { recursive: true, force: true });
});

const settings = (given: Partial<BinarySettings> = {}): BinarySettings => ({
  cacheDir: join(dir, 'cache'),
  progress: (line) => void lines.push(line),
  env: { PATH: '/usr/bin:/bin' },
  cliUrl: null,
  proxies: NO_PROXIES,
  ...given,
});

/** An archive as Temporal publishes it. */
async function archive(content = RECENT, name = 'temporal'): Promise<Buffer> {
  const folder = await mkdtemp(join(dir, 'archive-'));
  await writeFile(join(folder, name), content);
  await chmod(join(folder, name), 0o755);
  execFileSync('tar', ['-czf', join(folder, 'a.tgz'), '-C', folder, name]);
  return readFile(join(folder, 'a.tgz'));
}
const sumOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function archiveAt(address: string): CliArchive {
  const source = cliSource(address);
  if (source === null || 'path' in source) throw new Error('expected an archive');
  return source;
}
async function download(from: CliArchive, given?: Partial<BinarySettings>, firstByteMs?: number) {
  const path = join(dir, 'cache', 'temporal');
  return downloadBinary(path, from, settings(given), firstByteMs);
}

describe('the download of the Temporal CLI', () => {
  it('takes the archive of this machine from a mirror, checks its sum, and keeps the binary', async () => {
    const source = archiveAt(`${url}/mirror/`);
    const bytes = await archive();
    files.set(new URL(source.url).pathname, bytes);
    files.set('/mirror/checksums.txt', `${sumOf(bytes)}  ${basename(source.url)}\n`);
    const found = await findTemporalBinary(settings({ cliUrl: `${url}/mirror/` }));
    expect(found.source).toBe('a download from REQRUN_TEMPORAL_CLI_URL');
    expect(await readFile(found.path, 'utf8')).toBe(RECENT);
    expect(await readdir(join(dir, 'cache'))).toEqual(['temporal-1.8.2']);
    expect(lines).toEqual([
      'No Temporal CLI: temporal on PATH: not found',
      `No Temporal CLI: the cache: nothing at ${found.path}`,
      `Downloading the Temporal CLI 1.8.2 from ${source.url} ...`,
      'Downloaded; the checksum is the published one.',
    ]);
    // The next start downloads nothing.
    const before = asked.length;
    expect((await findTemporalBinary(settings())).source).toBe('the cache');
    expect(asked).toHaveLength(before);
  });

  it('refuses an archive whose checksum differs, and keeps nothing of it', async () => {
    files.set('/cli.tar.gz', await archive());
    files.set('/checksums.txt', `${'0'.repeat(64)}  cli.tar.gz\n`);
    expect(await download(archiveAt(`${url}/cli.tar.gz`))).toEqual({
      missing: expect.stringMatching(/checksum of .* is [0-9a-f]{64}, but 0{64} is published/),
    });
    expect(await readdir(join(dir, 'cache'))).toEqual([]);
  });

  it('refuses an archive that the list of checksums does not name', async () => {
    files.set('/cli.tar.gz', await archive());
    files.set('/checksums.txt', `${'0'.repeat(64)}  other.tar.gz\n`);
    expect(await download(archiveAt(`${url}/cli.tar.gz`))).toEqual({
      missing: expect.stringContaining('does not name cli.tar.gz'),
    });
  });

  it('takes an archive of a mirror without a list, and says that it is not verified', async () => {
    files.set('/cli.tar.gz', await archive());
    expect(await download(archiveAt(`${url}/cli.tar.gz`))).toEqual({ path: join(dir, 'cache', 'temporal') });
    expect(lines.at(-1)).toBe(`Downloaded. It is not verified, because there is no ${url}/checksums.txt.`);
  });

  it('takes no archive of Temporal’s own release without its checksum', async () => {
    files.set('/cli.tar.gz', await archive());
    expect(await download({ ...archiveAt(`${url}/cli.tar.gz`), isOfficial: true })).toEqual({
      missing: expect.stringContaining('checksums.txt answered 404'),
    });
  });

  it.each([
    ['an error page', async () => Buffer.from('<html>not here</html>'), 'cannot be unpacked'],
    ['an archive of something else', async () => archive(RECENT, 'other'), 'holds no file named temporal'],
    [
      'a CLI that is too old',
      async () => archive('#!/bin/sh\necho "temporal version 1.3.0 (Server 1.27.1, UI 2.36.0)"\n'),
      'too old',
    ],
  ])('refuses %s', async (_what, make, reason) => {
    files.set('/cli.tar.gz', await make());
    expect(await download(archiveAt(`${url}/cli.tar.gz`))).toEqual({
      missing: expect.stringContaining(reason),
    });
    expect(await readdir(join(dir, 'cache'))).toEqual([]);
  });

  it('sends the credentials of the URL, and prints them nowhere', async () => {
    files.set('/cli.tar.gz', await archive());
    const found = await download(archiveAt(`${url.replace('//', '//user:canary@')}/cli.tar.gz`));
    expect(found).toHaveProperty('path');
    const basic = `Basic ${Buffer.from('user:canary').toString('base64')}`;
    expect(asked).toEqual([`/checksums.txt ${basic}`, `/cli.tar.gz ${basic}`]);
    expect(lines.join('\n')).not.toContain('canary');
  });

  it('goes through the proxy that the variables name, and says so without its password', async () => {
    const proxy = await startConnectProxy({
      credentials: 'me:canary',
      routes: { 'mirror.invalid:80': Number(new URL(url).port) },
    });
    files.set('/cli.tar.gz', await archive());
    try {
      const http = proxyUrl('HTTP_PROXY').parse(proxy.url) ?? null;
      const proxies = { https: null, http, exceptions: '' };
      const source = archiveAt('http://mirror.invalid/cli.tar.gz');
      expect(await download(source, { proxies })).toHaveProperty('path');
      expect(proxy.tunnels.length + proxy.requests.length).toBeGreaterThan(0);
      expect(lines[0]).toContain(`through the proxy ${proxy.origin} (HTTP_PROXY)`);
      // Without the proxy the name leads nowhere.
      const direct = await download(source, { proxies: { ...proxies, exceptions: 'mirror.invalid' } });
      expect(direct).toEqual({ missing: expect.stringContaining('mirror.invalid') });
      expect(lines.join('\n') + JSON.stringify(direct)).not.toContain('canary');
    } finally {
      proxy.close();
    }
  });

  it('says which proxy refused it', async () => {
    const proxy = await startConnectProxy({ refuse: '403 Forbidden' });
    try {
      const http = proxyUrl('HTTP_PROXY').parse(proxy.url) ?? null;
      const proxies = { https: null, http, exceptions: '' };
      expect(await download(archiveAt('http://mirror.invalid/cli.tar.gz'), { proxies })).toEqual({
        missing: expect.stringMatching(/through the proxy .* \(HTTP_PROXY\): .*403/),
      });
    } finally {
      proxy.close();
    }
  });
});

describe('a machine without a network', () => {
  it('is told what was tried and the ways out, because a person has to act', async () => {
    const cliUrl = `http://127.0.0.1:${await freePort()}/`;
    const error = await findTemporalBinary(settings({ cliUrl })).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(NoBinaryError);
    expect(String(error)).toMatch(
      /temporal on PATH: not found\n- the cache: nothing at .*\n- a download from REQRUN_TEMPORAL_CLI_URL: .*ECONNREFUSED.*\n- a build from Go modules: .*\n.*path of a copy/,
    );
  });

  it('whose packets are dropped waits no longer than the limit for the first byte', async () => {
    server.removeAllListeners('request');
    server.on('request', () => undefined);
    expect(await download(archiveAt(`${url}/cli.tar.gz`), {}, 300)).toEqual({
      missing: expect.stringContaining('Headers Timeout'),
    });
  });

  it('needs only a copy of the CLI whose path is named', async () => {
    await mkdir(join(dir, 'usb'));
    await writeFile(join(dir, 'usb', 'temporal'), RECENT, { mode: 0o755 });
    const cliUrl = join(dir, 'usb', 'temporal');
    expect(await findTemporalBinary(settings({ cliUrl, env: {} }))).toEqual({
      path: cliUrl,
      source: 'the file of REQRUN_TEMPORAL_CLI_URL',
    });
    expect(asked).toEqual([]);
  });
});
