/** The examples, installed as a user installs them, against what `npm start` runs. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stagePackages } from '../../scripts/pack/stage.ts';
import { ROOT } from '../../scripts/pages.ts';
import { createEmbeddedService, type EmbeddedService } from '../support/embedded-service.ts';
import { freePort } from '../support/free-port.ts';
import { INSTALL_ENV } from '../support/install-environment.ts';
import { until } from '../support/until.ts';

const execute = promisify(execFile);
const INSTALL_MS = 300_000;
const env = INSTALL_ENV;

let folder: string;
let service: EmbeddedService;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reqrun-examples-'));
  await cp(`${ROOT}examples`, folder, { recursive: true });
  service = await createEmbeddedService({});
  await service.start();
}, INSTALL_MS);
afterAll(async () => {
  for (const child of children) await end(child);
  await service.remove();
  await rm(folder, { recursive: true, force: true });
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Starts an example and waits until it listens. */
async function start(
  cwd: string,
  command: string,
  args: readonly string[],
  more: Record<string, string>,
  listens: string,
): Promise<ChildProcess> {
  const variables = { ...env, REQRUN_BASE_URL: `${service.url}/v1`, ...more };
  const child = spawn(command, args, { cwd, env: variables, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
  await until(
    () => said,
    (text) => text.includes(listens) || child.exitCode !== null,
    30_000,
  );
  expect(said).toContain(listens);
  return child;
}

async function put(url: string, text: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify({ text }) });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}
async function read(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(url);
  return { status: answer.status, body: JSON.parse(await answer.text()) };
}

describe('the Express background task', () => {
  it('goes on while its web process is dead, and the next one answers', { timeout: INSTALL_MS }, async () => {
    const cwd = join(folder, 'express-background-task');
    const manifest = JSON.parse(await readFile(join(cwd, 'package.json'), 'utf8'));
    const { version, dependencies } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8'));
    expect(manifest.dependencies).toMatchObject({ '@reqrun/client': version, openai: dependencies.openai });
    // The package as it is built here, because this version may not be published yet.
    const { client } = await stagePackages(join(folder, 'packages'));
    manifest.dependencies['@reqrun/client'] = `file:${client}`;
    await writeFile(join(cwd, 'package.json'), JSON.stringify(manifest));
    await execute('npm', ['install', '--install-links'], {
      cwd,
      env,
    });
    const PORT = String(await freePort());
    const run = (): Promise<ChildProcess> =>
      start(cwd, process.execPath, ['server.js'], { PORT, MODEL: 'demo-429' }, 'listening on');
    const url = `http://127.0.0.1:${PORT}/tickets/842/summary`;
    const web = await run();
    expect((await read(url)).status).toBe(404);
    expect(await put(url, 'It does not start.')).toEqual({ status: 202, body: { status: 'accepted' } });
    expect((await put(url, 'It does not start.')).status).toBe(202);
    expect(await put(url, 'Another text.')).toEqual({
      status: 422,
      body: { error: 'idempotency_key_reused' },
    });
    await end(web);
    await run();
    const done = await until(
      () => read(url),
      ({ body }) => body['status'] === 'completed',
      30_000,
    );
    expect(done.body).toMatchObject({ attempts: 3, summary: 'Hello from the demo upstream.' });
  });
});

describe('the FastAPI route', () => {
  let cwd: string;
  let uvicorn: string;

  beforeAll(async () => {
    cwd = join(folder, 'fastapi-route');
    await execute('python3', ['-m', 'venv', join(folder, 'venv')], { env });
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'];
    await execute(join(folder, 'venv/bin/python'), pip, { cwd, env });
    uvicorn = join(folder, 'venv/bin/uvicorn');
  }, INSTALL_MS);

  const run = async (more: Record<string, string>): Promise<string> => {
    const port = String(await freePort());
    await start(cwd, uvicorn, ['main:app', '--port', port], more, 'Uvicorn running on');
    return `http://127.0.0.1:${port}`;
  };

  it('answers with the result, and with the recorded failure of a request that failed', async () => {
    const answers = await run({ MODEL: 'demo-503' });
    expect(await put(`${answers}/tickets/1/summary`, 'Slow.')).toEqual({
      status: 200,
      body: { summary: 'Hello from the demo upstream.' },
    });
    const fails = await run({ MODEL: 'demo-401' });
    expect(await put(`${fails}/tickets/2/summary`, 'Broken.')).toEqual({
      status: 502,
      body: { error: 'invalid_api_key' },
    });
  });

  it('says that it runs where the wait is over, and the same call gets the result later', async () => {
    const url = await run({ MODEL: 'demo-429', WAIT_SECONDS: '1' });
    const first = await put(`${url}/tickets/3/summary`, 'Long.');
    expect(first).toEqual({ status: 202, body: { status: 'running' } });
    const done = await until(
      () => put(`${url}/tickets/3/summary`, 'Long.'),
      ({ status }) => status !== 202,
      30_000,
    );
    expect(done).toEqual({ status: 200, body: { summary: 'Hello from the demo upstream.' } });
  });
});
