/** Both packages, built and installed into empty folders with npm, as a user installs them. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/pages.ts';
import { freePort } from '../support/free-port.ts';
import { INSTALL_ENV } from '../support/install-environment.ts';
import { until } from '../support/until.ts';

const execute = promisify(execFile);
const INSTALL_MS = 300_000;
/** The version of the clone, so that the test does not depend on a newer one. */
const openaiOfClone = `openai@${JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')).dependencies.openai}`;
const env = INSTALL_ENV;

let folder: string;
let tarballs: { readonly server: string; readonly client: string };

/** Runs a command in a folder, and returns what it printed to stdout. */
async function run(cwd: string, command: string, args: readonly string[], more = {}): Promise<string> {
  const { stdout } = await execute(command, args, { cwd, env: { ...env, ...more } });
  return stdout;
}

async function install(name: string, ...args: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, 'package.json'), '{ "private": true, "type": "module" }');
  await run(path, 'npm', ['install', ...args]);
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reqrun-packages-'));
  const built = join(folder, 'packages');
  await run(ROOT, process.execPath, ['scripts/pack/pack.ts', built]);
  const names = (await readdir(built)).filter((name) => name.endsWith('.tgz'));
  const path = (isWanted: (name: string) => boolean): string => join(built, names.find(isWanted) ?? '');
  tarballs = {
    server: path((name) => !name.includes('client')),
    client: path((name) => name.includes('client')),
  };
}, INSTALL_MS);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the server package', () => {
  it.each([
    ['as npm installs it', []],
    // Without scripts, because that of @swc/core then tries for minutes to install a version that does not exist.
    ['without optional dependencies', ['--omit=optional', '--ignore-scripts']],
  ])(
    '%s: starts, answers durably and serves the client package',
    { timeout: INSTALL_MS },
    async (what, args) => {
      const path = await install(what.replaceAll(' ', '-'), ...args, tarballs.server);
      const [port = '', temporalPort = '', uiPort = ''] = [
        await freePort(),
        await freePort(),
        await freePort(),
      ].map(String);
      const ports = { PORT: port, REQRUN_TEMPORAL_PORT: temporalPort, REQRUN_TEMPORAL_UI_PORT: uiPort };
      const service = spawn('npx', ['reqrun', 'start'], {
        cwd: path,
        env: { ...env, ...ports },
        detached: true,
      });
      let said = '';
      for (const stream of [service.stdout, service.stderr])
        stream.on('data', (text) => (said += String(text)));
      try {
        await until(
          () => said,
          (text) => text.includes('ReqRun is ready') || service.exitCode !== null,
          120_000,
        );
        expect(said).toContain('ReqRun is ready');
        const url = `http://127.0.0.1:${port}`;
        const body = JSON.stringify({ model: 'demo-429', messages: [{ role: 'user', content: 'hi' }] });
        await writeFile(join(path, 'body.json'), body);
        const create = ['reqrun', 'requests', 'create', 'body.json', '--key', 'packed-1', '--wait'];
        const result = await run(path, 'npx', create, { REQRUN_URL: url });
        expect(JSON.parse(result).choices[0].message.content).toBe('Hello from the demo upstream.');
        const record = await run(path, 'npx', ['reqrun', 'requests', 'get', 'packed-1', '--json'], {
          REQRUN_URL: url,
        });
        expect(JSON.parse(record)).toMatchObject({ status: 'completed', attempts: 3 });
        await writeFile(join(path, 'client.mjs'), clientScript('reqrun/client', url, 'from-server-package'));
        expect((await run(path, process.execPath, ['client.mjs'])).trim()).toBe('completed 1');
        // The client package, beside nothing but openai, talks to it as well.
        const client = await install(
          `client-of-${what.replaceAll(' ', '-')}`,
          tarballs.client,
          openaiOfClone,
        );
        await writeFile(
          join(client, 'client.mjs'),
          clientScript('@reqrun/client', url, 'from-client-package'),
        );
        expect((await run(client, process.execPath, ['client.mjs'])).trim()).toBe('completed 1');
        expect((await readdir(join(client, 'node_modules'))).filter((name) => !name.startsWith('.'))).toEqual(
          ['@reqrun', 'openai'],
        );
      } finally {
        // `npx` has started a process of its own: all of its group is stopped.
        if (service.pid !== undefined && service.exitCode === null) process.kill(-service.pid, 'SIGTERM');
        if (service.exitCode === null && service.signalCode === null) await once(service, 'exit');
      }
      // State is where the user started it, and the package itself is unchanged.
      expect(await readdir(path)).toContain('.reqrun');
    },
  );

  it('holds only what it needs, and no path of the machine that built it', async () => {
    const files = (await run(folder, 'tar', ['-tzf', tarballs.server])).trim().split('\n');
    expect(files).toContain('package/src/cli/main.js');
    expect(files).toContain('package/dist/workflow-bundle.json');
    expect(files).toContain('package/dist/workflow-bundle-encrypted.json');
    expect(files).toContain('package/LICENSE');
    const allowed =
      /^package\/(?:(?:src|activities)\/.+\.(?:js|d\.ts)|src\/dev-server\/cli\/|dist\/|docs\/|examples\/|[A-Z]+(?:\.md)?$|package\.json$)/;
    expect(files.filter((name) => !allowed.test(name))).toEqual([]);
    expect(files.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))).toEqual([]);
    await mkdir(join(folder, 'unpacked'));
    await run(folder, 'tar', ['-xzf', tarballs.server, '-C', 'unpacked']);
    for (const name of files.filter((file) => /\.(?:js|json)$/.test(file))) {
      const text = await readFile(join(folder, 'unpacked', name), 'utf8');
      const map = /base64,([A-Za-z0-9+/=]+)/.exec(text)?.[1] ?? '';
      expect(text + Buffer.from(map, 'base64').toString('utf8'), name).not.toContain(ROOT);
    }
  });
});

describe('the client package', () => {
  it('has types of its own, complete without zod or Temporal', { timeout: INSTALL_MS }, async () => {
    const path = await install('typed', tarballs.client, openaiOfClone);
    await writeFile(join(path, 'typed.ts'), TYPED);
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024'];
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const types = ['--typeRoots', join(ROOT, 'node_modules/@types'), '--types', 'node'];
    const printed = await run(path, process.execPath, [tsc, ...options, ...types, 'typed.ts']).catch(
      (error: unknown) => JSON.stringify(error),
    );
    expect(printed).toBe('');
    const names = (await run(folder, 'tar', ['-tzf', tarballs.client])).trim().split('\n');
    const texts = await Promise.all(
      names
        .filter((name) => /\.(?:js|ts)$/.test(name))
        .map((name) =>
          readFile(join(path, 'node_modules/@reqrun/client', name.replace('package/', '')), 'utf8'),
        ),
    );
    const imported = texts.flatMap((text) =>
      [...text.matchAll(/from ['"]([^.'"][^'"]*)['"]/g)].map(([, name]) => name),
    );
    expect([...new Set(imported)].toSorted()).toEqual(['node:crypto', 'openai', 'openai/streaming']);
  });
});

function clientScript(name: string, url: string, key: string): string {
  return `import { ReqRun } from '${name}';
const reqrun = new ReqRun({ baseURL: '${url}/v1' });
const messages = [{ role: 'user', content: 'hi' }];
const answer = await reqrun.chat.completions.create({ model: 'demo', messages, idempotency_key: '${key}' });
const record = await reqrun.requests.wait('${key}');
console.log(record.status, record.attempts);
`;
}

/** Each expected error proves that a type is not \`any\`. */
const TYPED = `import { ReqRun, type AsyncRequest, type RequestRecord, type RetryOptions } from '@reqrun/client';
const reqrun = new ReqRun();
const record: RequestRecord = await reqrun.requests.get('x');
const terminal: boolean = record.terminal;
// @ts-expect-error
const status: 'unheard of' = record.status;
// @ts-expect-error
const phase: number = record.attempt_log[0]!.phase;
const answer = await reqrun.chat.completions.create({ model: 'm', messages: [], reqrun: { max_attempts: 1 } });
if (answer.object === 'chat.completion.async') {
  const accepted: AsyncRequest<'chat.completion.async'> = answer;
  // @ts-expect-error
  accepted.choices;
} else {
  const text: string | null = answer.choices[0]!.message.content;
  console.log(text);
}
// @ts-expect-error
const options: RetryOptions = { on_unknown_outcome: 'maybe' };
console.log(terminal, status, phase, options);
`;
