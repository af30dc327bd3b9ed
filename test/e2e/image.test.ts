/**
 * The Dockerfile without a container daemon: the commands of its stages are run in empty folders, and what the
 * last stage copies is started as another user, who can write nowhere.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ROOT } from '../../scripts/pages.ts';
import { freePort } from '../support/free-port.ts';
import { type Instruction, instructionsOf } from '../support/dockerfile.ts';
import { INSTALL_ENV } from '../support/install-environment.ts';
import { until } from '../support/until.ts';

const execute = promisify(execFile);
const BUILD_MS = 900_000;
/** The user `node` of the base image. */
const USER = 1000;
const env = INSTALL_ENV;

const instructions = instructionsOf(await readFile(`${ROOT}Dockerfile`, 'utf8'));
/** The command that this clone was installed with, so its result is there already. */
const INSTALLED = 'npm ci --ignore-scripts';

let folder: string;
/** The folder that stands for `/app` of the last stage. */
let app: string;

/** Does what a stage does, with a folder in place of its work directory and of `/tmp`. */
async function runStage(stage: string, stages: ReadonlyMap<string, string>): Promise<string> {
  const path = join(folder, stage);
  const temporary = join(folder, `${stage}-tmp`);
  await mkdir(path);
  await mkdir(temporary);
  for (const { name, words, text } of instructions.filter((one) => one.stage === stage)) {
    if (name === 'RUN' && text === INSTALLED)
      await symlink(`${ROOT}node_modules`, join(path, 'node_modules'));
    else if (name === 'RUN') {
      await execute('sh', ['-c', text.replaceAll('/tmp/', `${temporary}/`)], {
        cwd: path,
        env,
        maxBuffer: 2 ** 24,
      });
    }
    if (name === 'COPY') await copy(words, path, temporary, stages);
  }
  return path;
}

async function copy(
  words: readonly string[],
  path: string,
  temporary: string,
  stages: ReadonlyMap<string, string>,
): Promise<void> {
  const [, from] = /^--from=(.+)$/.exec(words[0] ?? '') ?? [];
  const sources = words.slice(from === undefined ? 0 : 1, -1);
  const target = (words.at(-1) ?? '').replace(/^\/tmp\//, `${temporary}/`);
  for (const source of sources) {
    const origin =
      from === undefined ? join(ROOT, source) : (stages.get(from) ?? '') + source.replace(/^\/\w+/, '');
    // `cp` expands patterns as COPY does.
    const excluded = from === undefined && source === '.' ? await ignored() : [];
    if (excluded.length === 0) await execute('sh', ['-c', `cp -R ${origin} ${target}`], { cwd: path });
    else {
      const names = (await readdir(origin)).filter((name) => !excluded.includes(name));
      for (const name of names) await cp(join(origin, name), join(path, name), { recursive: true });
    }
  }
}

async function ignored(): Promise<readonly string[]> {
  return (await readFile(`${ROOT}.dockerignore`, 'utf8')).trim().split('\n');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reqrun-image-'));
  // The other user must be able to look into it.
  await chmod(folder, 0o755);
  const stages = new Map<string, string>();
  for (const stage of ['pack', 'install']) stages.set(stage, await runStage(stage, stages));
  app = stages.get('install') ?? '';
}, BUILD_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

const last = (name: string): Instruction | undefined =>
  instructions.findLast((one) => one.stage === null && one.name === name);

describe('the image', () => {
  it('holds the package, its dependencies of the lock file, and one platform’s Temporal core', async () => {
    const names = (await readdir(app)).toSorted();
    expect(names).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'activities',
      'dist',
      'docs',
      'examples',
      'node_modules',
      'package.json',
      'src',
    ]);
    const files = await readdir(app, { recursive: true });
    expect(files.filter((name) => /\.(?:map|mts|cts)$|(?<!\.d)\.ts$/.test(name))).toEqual([]);
    const modules = join(app, 'node_modules');
    const processor = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
    expect(await readdir(join(modules, '@temporalio/core-bridge/releases'))).toEqual([
      `${processor}-unknown-linux-gnu`,
    ]);
    const present = await readdir(modules);
    const absent = ['vitest', 'typescript', 'eslint', 'prettier', 'node', '@restatedev'];
    expect(absent.filter((name) => present.includes(name))).toEqual([]);
    const lock = JSON.parse(await readFile(`${ROOT}package-lock.json`, 'utf8'));
    const { version } = JSON.parse(await readFile(join(modules, 'fastify/package.json'), 'utf8'));
    expect(version).toBe(lock.packages['node_modules/fastify'].version);
  });

  it('runs as a user who can write nowhere, answers its health check, and stops on SIGTERM', async () => {
    // Only root can become another user.
    const isRoot = process.getuid?.() === 0;
    const node = join(folder, 'node');
    await cp(process.execPath, node);
    const [entry = '', ...entryArgs] = last('ENTRYPOINT')?.words ?? [];
    const args = [...entryArgs, ...(last('CMD')?.words ?? [])];
    expect([entry, args]).toEqual(['node', ['src/cli/main.js', 'api']]);
    const port = String(await freePort());
    const api = spawn(node, args, {
      cwd: app,
      env: {
        PATH: '/usr/bin:/bin',
        NODE_ENV: 'production',
        PORT: port,
        TEMPORAL_ADDRESS: inject('temporalAddress'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: USER, gid: USER } : {}),
    });
    let said = '';
    for (const stream of [api.stdout, api.stderr]) stream.on('data', (text) => (said += String(text)));
    const before = (await stat(app)).mtimeMs;
    try {
      const [, script = ''] = (last('HEALTHCHECK')?.words ?? []).slice(-2);
      await until(
        () =>
          execute(node, ['-e', script], { env: { PORT: port } }).then(
            () => true,
            () => api.exitCode !== null,
          ),
        (isOver) => isOver,
        60_000,
      );
      expect(said).toContain('"msg":"ready"');
      expect((await stat(app)).mtimeMs).toBe(before);
    } finally {
      const ended = once(api, 'exit');
      if (api.exitCode === null) {
        api.kill('SIGTERM');
        await ended;
      }
    }
    expect(api.exitCode).toBe(0);
    await expect(
      execute(node, ['-e', last('HEALTHCHECK')?.words.at(-1) ?? ''], { env: { PORT: port } }),
    ).rejects.toThrow();
  });

  it('has the labels that registries read, with the version of the package', async () => {
    const { version } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8'));
    const labels = last('LABEL')?.text ?? '';
    for (const name of ['title', 'description', 'licenses', 'version', 'revision', 'created']) {
      expect(labels).toContain(`org.opencontainers.image.${name}=`);
    }
    expect(instructions.filter(({ name }) => name === 'ARG').map(({ text }) => text)).toContain(
      `VERSION=${version}`,
    );
    expect(last('USER')?.text).toBe('node');
  });
});
