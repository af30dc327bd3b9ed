/** End to end on real processes: the embedded server, its guard, its lock, real signals. */
import { Client, Connection } from '@temporalio/client';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { DataDirBusyError, DataDirUnusableError, lockDataDir } from '../../src/dev-server/data-dir.ts';
import { serverFlags } from '../../src/dev-server/flags.ts';
import { isServerOf, rememberedServer, rememberServer } from '../../src/dev-server/orphan.ts';
import { isPortTaken, PortInUseError } from '../../src/dev-server/ports.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../../src/dev-server/server.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const PARENT = fileURLToPath(new URL('../support/embedded-parent.ts', import.meta.url));
const Ready = z.object({ serverPid: z.number().nullable() });
let dataDir: string;
let port: number;
let uiPort: number;
const servers: EmbeddedServer[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'reqrun-embedded-'));
  [port, uiPort] = [await freePort(), await freePort()];
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  const state = await rememberedServer(dataDir);
  if (state !== null)
    await until(
      () => isServerOf(state.pid, databasePath()),
      (alive) => !alive,
    );
  await rm(dataDir, { recursive: true, force: true });
});

const databasePath = (): string => join(dataDir, 'temporal.db');
const isGone = (pid: number): Promise<unknown> =>
  until(
    () => isServerOf(pid, databasePath()),
    (alive) => !alive,
  );

async function start(retentionHours = 24): Promise<EmbeddedServer> {
  const log = { warn: () => undefined, error: () => undefined };
  const binaryPath = inject('temporalBinary');
  const server = await startEmbeddedServer({
    binaryPath,
    dataDir,
    port,
    uiPort,
    retentionHours,
    env: process.env,
    log,
  });
  servers.push(server);
  return server;
}

async function withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  return use(connection).finally(() => connection.close());
}

const retention = (): Promise<number> =>
  withConnection(async ({ workflowService }) => {
    const { config } = await workflowService.describeNamespace({ namespace: 'default' });
    return Number(config?.workflowExecutionRetentionTtl?.seconds) / 3600;
  });

async function startParent(withServer: boolean): Promise<{ parent: ChildProcess; serverPid: number | null }> {
  const server = withServer ? { binaryPath: inject('temporalBinary'), port, uiPort } : null;
  const parent = fork(PARENT, [JSON.stringify({ dataDir, server })], { execArgv: [] });
  children.push(parent);
  const [message] = await once(parent, 'message');
  return { parent, serverPid: Ready.parse(message).serverPid };
}

async function killed(process: ChildProcess): Promise<void> {
  const ended = once(process, 'exit');
  process.kill('SIGKILL');
  await ended;
}

it('finds a workflow of its last life after a restart, because its database is a file', async () => {
  const first = await start(2);
  const options = { taskQueue: 'nobody', workflowId: 'kept' };
  await withConnection((connection) => new Client({ connection }).workflow.start('any', options));
  expect(await retention()).toBe(2);
  await first.stop();
  expect(await isPortTaken(port)).toBe(false);
  expect(await rememberedServer(dataDir)).toBe(null);

  const second = await start(3);
  expect([first.crash, second.crash]).toEqual([null, null]);
  const found = await withConnection((connection) =>
    new Client({ connection }).workflow.getHandle('kept').describe(),
  );
  expect(found.status.name).toBe('RUNNING');
  expect(await retention()).toBe(3);
  // The cluster-wide list (getSearchAttributes) does not show them: they are the namespace's.
  const { customAttributes } = await withConnection(({ operatorService }) =>
    operatorService.listSearchAttributes({ namespace: 'default' }),
  );
  expect(Object.keys(customAttributes ?? {}).toSorted()).toEqual(['ReqRunModel', 'ReqRunProject']);
});

it('leaves no server behind when its parent is killed, and the same ports serve at once', async () => {
  const { parent, serverPid } = await startParent(true);
  expect(await isServerOf(serverPid ?? 0, databasePath())).toBe(true);
  await killed(parent);
  const lock = await lockDataDir(dataDir, 5_000);
  const next = await start();
  expect(next.pid()).not.toBe(serverPid);
  expect(next.crash).not.toBe(null);
  await isGone(serverPid ?? 0);
  // Stopped before it was done with what the crash left: the next start has to go on with that.
  await next.stop();
  const third = await start();
  expect(third.crash).not.toBe(null);
  third.crash?.recovered();
  await third.stop();
  expect(await rememberedServer(dataDir)).toBe(null);
  lock.release();
});

it('ends the server by itself when nobody starts again, because the guard outlives its parent', async () => {
  const { parent, serverPid } = await startParent(true);
  await killed(parent);
  await isGone(serverPid ?? 0);
  await until(
    () => isPortTaken(port),
    (taken) => !taken,
  );
});

it('starts a killed server again on the same ports and database', async () => {
  const server = await start();
  let exits = 0;
  server.onExit(() => (exits += 1));
  const before = server.pid();
  process.kill(before, 'SIGKILL');
  await until(
    () => server.pid(),
    (pid) => pid !== before,
  );
  expect(await retention()).toBe(24);
  expect(exits).toBe(1);
});

it.skipIf(process.platform !== 'linux')(
  'replaces a server whose guard was killed, because nothing would stop it later',
  async () => {
    const server = await start();
    const before = server.pid();
    const status = await readFile(`/proc/${before}/status`, 'utf8');
    process.kill(Number(/PPid:\s+(\d+)/.exec(status)?.[1]), 'SIGKILL');
    await until(
      () => server.pid(),
      (pid) => pid !== before,
    );
    expect(await isServerOf(before, databasePath())).toBe(false);
  },
);

it('stops in the middle of a restart, because a stop may come at any time', async () => {
  const server = await start();
  const exited = new Promise<void>((resolve) => server.onExit(resolve));
  process.kill(server.pid(), 'SIGKILL');
  await exited;
  await server.stop();
  expect(await isPortTaken(port)).toBe(false);
});

it('replaces an orphan of its own, because lock and command line prove whose it is', async () => {
  const flags = serverFlags({ databasePath: databasePath(), port, uiPort });
  const orphan = spawn(inject('temporalBinary'), flags, { stdio: 'ignore' });
  children.push(orphan);
  await until(
    () => isPortTaken(port),
    (taken) => taken,
  );
  await rememberServer(dataDir, { pid: orphan.pid ?? 0, port, uiPort, startedAt: new Date().toISOString() });
  const ended = once(orphan, 'exit');
  const server = await start();
  await ended;
  expect(server.pid()).not.toBe(orphan.pid);
});

it('does not kill a recorded process id that now belongs to another process', async () => {
  await rememberServer(dataDir, { pid: process.pid, port, uiPort, startedAt: new Date().toISOString() });
  await start();
});

it.each(['Temporal', 'UI'] as const)(
  'names both ways out when a stranger has the %s port',
  async (purpose) => {
    const taken = purpose === 'Temporal' ? port : uiPort;
    const stranger = createServer().listen(taken, '127.0.0.1');
    await once(stranger, 'listening');
    const error = await start().catch((caught: unknown) => caught);
    stranger.close();
    expect(error).toBeInstanceOf(PortInUseError);
    expect(String(error)).toContain(`TEMPORAL_ADDRESS=127.0.0.1:${port}`);
    expect(String(error)).toContain(
      purpose === 'Temporal' ? 'REQRUN_TEMPORAL_PORT=' : 'REQRUN_TEMPORAL_UI_PORT=',
    );
  },
);

it("refuses a corrupted database in the server's own words, because an empty start would lose it", async () => {
  const garbage = 'not a database '.repeat(1_000);
  await writeFile(databasePath(), garbage);
  await expect(start()).rejects.toThrow(/ended while it started[^]*(database|malformed)/);
  expect(await readFile(databasePath(), 'utf8')).toBe(garbage);
  expect(await isPortTaken(port)).toBe(false);
});

it('says which directory cannot be used', async () => {
  await writeFile(join(dataDir, 'file'), '');
  await expect(lockDataDir(join(dataDir, 'file', 'below'), 0)).rejects.toBeInstanceOf(DataDirUnusableError);
});

it('locks a data directory for one process, and kill -9 releases it', async () => {
  const { parent } = await startParent(false);
  await expect(lockDataDir(dataDir, 0)).rejects.toBeInstanceOf(DataDirBusyError);
  await killed(parent);
  const lock = await lockDataDir(dataDir, 1_000);
  lock.release();
});
