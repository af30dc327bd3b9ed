/** Unit tests on a temporary directory: where the Temporal CLI is taken from; the executables are shell scripts. */
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  binarySources,
  findBinary,
  NoBinaryError,
  type BinarySource,
} from '../../src/dev-server/find-binary.ts';
import {
  type BinarySettings,
  canGoBuild,
  findOnPath,
  isRecentEnough,
} from '../../src/dev-server/binary-on-disk.ts';
import { checksumOf, cliSource } from '../../src/dev-server/cli-release.ts';
import { buildWithGo } from '../../src/dev-server/go-build.ts';
import { runGroup } from '../../src/dev-server/run-command.ts';

const RECENT = 'echo "temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)"';
const OLD = 'echo "temporal version 1.3.0 (Server 1.27.1, UI 2.36.0)"';
const SYSTEM_PATH = '/usr/bin:/bin';
let dir: string;
let bin: string;
let cacheDir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reqrun-binary-'));
  bin = join(dir, 'bin');
  cacheDir = join(dir, 'cache');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function script(folder: string, name: string, body: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return path;
}
const settings = (given: Partial<BinarySettings>): BinarySettings => ({
  cacheDir,
  progress: () => undefined,
  env: {},
  cliUrl: null,
  proxies: { https: null, http: null, exceptions: '' },
  ...given,
});
/** The two sources that need no network. */
function onDisk(): readonly BinarySource[] {
  const env = { PATH: `${bin}:${SYSTEM_PATH}` };
  return binarySources(settings({ env })).slice(0, 2);
}
const withGo = (): { env: { PATH: string }; progress: () => undefined } => ({
  env: { PATH: `${bin}:${SYSTEM_PATH}` },
  progress: () => undefined,
});

it('takes the temporal on the PATH it was given first, because somebody chose it', async () => {
  const path = await script(bin, 'temporal', RECENT);
  await script(cacheDir, 'temporal-1.8.2', RECENT);
  expect(await findBinary(onDisk())).toEqual({ path, source: 'temporal on PATH' });
});

it('passes over a temporal on PATH that is too old, because its server lacks what we rely on', async () => {
  await script(bin, 'temporal', OLD);
  const path = await script(cacheDir, 'temporal-1.8.2', RECENT);
  expect(await findBinary(onDisk())).toEqual({ path, source: 'the cache' });
});

it('passes over a cached file that cannot be run, because a copy may have broken off', async () => {
  await script(cacheDir, 'temporal-1.8.2', 'exit 1');
  await expect(findBinary(onDisk())).rejects.toThrow(/cannot be run/);
});

it('names what was tried and the ways out when nothing is found, because a person has to act', async () => {
  const failing: BinarySource[] = [
    { name: 'one', isSlow: false, find: async () => ({ missing: 'gone' }) },
    { name: 'two', isSlow: false, find: () => Promise.reject(new Error('broken')) },
  ];
  const error = await findBinary(failing).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(NoBinaryError);
  expect(String(error)).toMatch(
    /one: gone\n- two: Error: broken\nInstall the Temporal CLI.*Go.*REQRUN_TEMPORAL_CLI_URL.*TEMPORAL_ADDRESS/,
  );
});

it('asks no further source once one has a binary, because the next may take minutes', async () => {
  const next = { name: 'next', isSlow: true, find: () => Promise.reject(new Error('was asked')) };
  const first = { name: 'first', isSlow: false, find: async () => ({ path: '/p' }) };
  expect(await findBinary([first, next])).toEqual({ path: '/p', source: 'first' });
});

it('tries the usual places in the order of their cost: what is there, a download, a build of minutes', () => {
  const sources = binarySources(settings({}));
  expect(sources.map(({ name }) => name)).toEqual([
    'temporal on PATH',
    'the cache',
    'a download',
    'a build from Go modules',
  ]);
});

it('says of each place why there is nothing, because a person may have expected something', async () => {
  await script(bin, 'temporal', OLD);
  const error = String(await findBinary(onDisk()).catch((caught: unknown) => caught));
  expect(error).toContain(`temporal on PATH: ${join(bin, 'temporal')} is too old (its server is below 1.31)`);
  expect(error).toContain(`the cache: nothing at ${join(cacheDir, 'temporal-1.8.2')}`);
});

it('passes over a temporal on PATH that is no executable, and takes the next folder’s', async () => {
  const other = join(dir, 'other');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'temporal'), 'not a program');
  const path = await script(other, 'temporal', RECENT);
  const env = { PATH: `:${bin}:${other}:${SYSTEM_PATH}` };
  expect(await findOnPath(env)).toEqual({ path });
  expect(await findOnPath({})).toEqual({ missing: 'not found' });
});

it.each([
  ['temporal version 1.8.2 (Server 1.31.2, UI 2.50.1)', true],
  ['temporal version DEV (Server 1.31.0, UI 2.50.1)', true],
  ['temporal version 2.0.0 (Server 2.0.0, UI 3.0.0)', true],
  ['temporal version 1.9.0 (Server 1.32, UI 2.51.0)', true],
  ['temporal version 1.7.9 (Server 1.30.9, UI 2.49.0)', false],
  ['temporal version 1.3.0 (Server 1.4.40, UI 2.36.0)', false],
  ['temporal version 1.8.2', false],
  ['', false],
])('a server of %j is recent enough: %s', (output, expected) => {
  expect(isRecentEnough(output)).toBe(expected);
});

it.each([
  ['go version go1.26.4 linux/amd64', true],
  ['go version go1.21.0 linux/amd64', true],
  ['go version go1.21 linux/amd64', true],
  ['go version go1.20.14 linux/amd64', false],
  ['go version devel +abc linux/amd64', false],
])('%j can build one: %s', (output, expected) => {
  expect(canGoBuild(output)).toBe(expected);
});

it('ends a search with the reason of its signal, and tries nothing further', async () => {
  const stopping = new AbortController();
  const asked: string[] = [];
  const source = (name: string): BinarySource => ({
    name,
    isSlow: true,
    find: async () => {
      asked.push(name);
      stopping.abort(new Error('stopping'));
      return { missing: 'aborted' };
    },
  });
  await expect(findBinary([source('one'), source('two')], stopping)).rejects.toThrow('stopping');
  await expect(findBinary([source('three')], stopping)).rejects.toThrow('stopping');
  expect(asked).toEqual(['one']);
});

it('leaves one whole binary and nothing else when two processes build at once, because it renames', async () => {
  const go = 'case $1 in version) echo "go version go1.26.8 x";; *) printf built > "$6";; esac';
  await script(bin, 'go', go);
  const path = join(cacheDir, 'temporal-1.8.2');
  expect(await Promise.all([buildWithGo(path, withGo()), buildWithGo(path, withGo())])).toEqual([
    { path },
    { path },
  ]);
  expect(await readdir(cacheDir)).toEqual(['temporal-1.8.2']);
});

it('leaves no file behind when a build fails, and says why', async () => {
  await script(
    bin,
    'go',
    'case $1 in version) echo "go version go1.26.8 x";; *) echo no space >&2; exit 1;; esac',
  );
  expect(await buildWithGo(join(cacheDir, 'x'), withGo())).toEqual({ missing: 'the build failed: no space' });
  expect(await readdir(cacheDir)).toEqual([]);
});

it('kills a command with all it started when aborted, because a compiler would run on for minutes', async () => {
  const path = await script(bin, 'slow', 'sleep 300 & wait');
  const controller = new AbortController();
  const { signal } = controller;
  const ended = runGroup({ command: path, args: [], cwd: dir, env: { PATH: SYSTEM_PATH }, signal });
  controller.abort();
  expect(await ended).toBe('ended with SIGKILL');
});

it('takes the file that REQRUN_TEMPORAL_CLI_URL names, and nothing else, because somebody chose it', async () => {
  await script(bin, 'temporal', RECENT);
  const env = { PATH: `${bin}:${SYSTEM_PATH}` };
  const path = await script(dir, 'copy', RECENT);
  const source = 'the file of REQRUN_TEMPORAL_CLI_URL';
  expect(await findBinary(binarySources(settings({ env, cliUrl: path })))).toEqual({ path, source });
  const missing = binarySources(settings({ env, cliUrl: join(dir, 'gone') }));
  await expect(findBinary(missing)).rejects.toThrow(`${join(dir, 'gone')} is no executable file`);
});

it('reports what it tried before a source that takes time, and nothing if the first ones have it', async () => {
  const lines: string[] = [];
  const progress = (line: string): void => void lines.push(line);
  const source = (name: string, isSlow: boolean, path?: string): BinarySource => ({
    name,
    isSlow,
    find: async () => (path === undefined ? { missing: 'gone' } : { path }),
  });
  await findBinary([source('one', false), source('two', false, '/p')], { progress });
  expect(lines).toEqual([]);
  await findBinary([source('one', false), source('two', true), source('three', true, '/p')], { progress });
  expect(lines).toEqual(['No Temporal CLI: one: gone', 'No Temporal CLI: two: gone']);
});

describe('the archive of the Temporal CLI', () => {
  const machine = { system: 'linux', processor: 'x64' };

  it('comes from Temporal’s release, whose list of checksums stands beside it', () => {
    const release = 'https://github.com/temporalio/cli/releases/download/v1.8.2/';
    expect(cliSource(null, machine)).toEqual({
      url: `${release}temporal_cli_1.8.2_linux_amd64.tar.gz`,
      authorization: null,
      checksumsUrl: `${release}checksums.txt`,
      isOfficial: true,
    });
  });

  it('comes from a mirror: a folder with the same files, or one archive', () => {
    expect(cliSource('https://mirror.example/temporal/', { system: 'darwin', processor: 'arm64' })).toEqual({
      url: 'https://mirror.example/temporal/temporal_cli_1.8.2_darwin_arm64.tar.gz',
      authorization: null,
      checksumsUrl: 'https://mirror.example/temporal/checksums.txt',
      isOfficial: false,
    });
    expect(cliSource('https://mirror.example/a/cli.tar.gz', machine)).toMatchObject({
      url: 'https://mirror.example/a/cli.tar.gz',
      checksumsUrl: 'https://mirror.example/a/checksums.txt',
    });
  });

  it('has the credentials of its URL in a header only, because the URL is printed', () => {
    const source = cliSource('https://us%40er:canary@mirror.example/', machine);
    const authorization = `Basic ${Buffer.from('us@er:canary').toString('base64')}`;
    expect(source).toMatchObject({ authorization });
    expect(JSON.stringify({ ...source, authorization: null })).not.toMatch(/canary|us%40er/);
  });

  it('is not looked for on a machine that Temporal publishes none for', () => {
    expect(cliSource(null, { system: 'linux', processor: 'riscv64' })).toBe(null);
    expect(cliSource('/opt/temporal', { system: 'linux', processor: 'riscv64' })).toEqual({
      path: '/opt/temporal',
    });
  });

  it('has its checksum in the list under its own name, in either of the usual forms', () => {
    const sum = 'AB'.repeat(32);
    const list = `${'0'.repeat(64)}  other.tar.gz\n${sum} *cli.tar.gz\nnonsense\n`;
    expect(checksumOf(list, 'cli.tar.gz')).toBe(sum.toLowerCase());
    expect(checksumOf(list, 'cli.tar')).toBe(null);
  });
});
