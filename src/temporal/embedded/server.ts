import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { serverFlags } from './flags.ts';
import { endProcess, forgetServer, rememberServer, stopOrphan } from './orphan.ts';
import { requirePorts } from './ports.ts';
import { untilServerAnswers } from './readiness.ts';

export interface EmbeddedSettings {
  readonly binaryPath: string;
  /** Locked by the caller, for as long as the server runs. */
  readonly dataDir: string;
  readonly port: number;
  readonly uiPort: number;
  readonly retentionHours: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: { warn(fields: object, message: string): void };
}

export interface EmbeddedServer {
  readonly address: string;
  readonly uiUrl: string;
  stop(): Promise<void>;
}

const GUARD_PATH = fileURLToPath(new URL('./guard.ts', import.meta.url));
const Spawned = z.object({ pid: z.number().int() });
const START_MS = 30_000;
const RESTART_MS = 1_000;

/**
 * Starts Temporal's dev server on a database file and keeps it running: one that dies by itself is started
 * again on the same ports and file. Throws where a stranger has a port or the server does not come up.
 */
export async function startEmbeddedServer(settings: EmbeddedSettings): Promise<EmbeddedServer> {
  const { dataDir, port, uiPort, log } = settings;
  const databasePath = resolve(dataDir, 'temporal.db');
  const logPath = join(dataDir, 'temporal.log');
  const address = `127.0.0.1:${port}`;
  if (await stopOrphan(dataDir, databasePath)) log.warn({}, 'stopped a Temporal server that was left behind');
  await requirePorts(port, uiPort);

  let stopping = false;
  let guard = await spawnGuard(settings, databasePath, logPath);
  const firstEnd = once(guard.process, 'exit').then(async () => {
    const tail = (await readFile(logPath, 'utf8').catch(() => '')).trim().split('\n').slice(-5).join('\n');
    throw new Error(`The embedded Temporal server ended at once (log: ${logPath}):\n${tail}`);
  });
  const ready = untilServerAnswers(address, settings.retentionHours, START_MS);
  await Promise.race([ready, firstEnd]).catch(async (error: unknown) => {
    await endProcess(guard.pid);
    throw error;
  });
  firstEnd.catch(() => undefined);
  keepRunning();

  function keepRunning(): void {
    guard.process.once('exit', () => {
      if (stopping) return;
      void restart().catch((error: unknown) => log.warn({ error: String(error) }, 'the Temporal server did not restart'));
    });
  }
  async function restart(): Promise<void> {
    log.warn({}, 'the embedded Temporal server ended by itself; starting it again');
    // The guard may have died alone; its server must not keep the ports.
    await endProcess(guard.pid);
    await sleep(RESTART_MS);
    if (stopping) return;
    guard = await spawnGuard(settings, databasePath, logPath);
    keepRunning();
  }

  return {
    address,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    stop: async () => {
      stopping = true;
      const ended = guard.process.exitCode === null ? once(guard.process, 'exit') : Promise.resolve();
      guard.process.kill('SIGTERM');
      await Promise.race([ended, sleep(8_000)]);
      await endProcess(guard.pid);
      await forgetServer(dataDir);
    },
  };
}

async function spawnGuard(
  { binaryPath, dataDir, port, uiPort, env }: EmbeddedSettings,
  databasePath: string,
  logPath: string,
): Promise<{ process: ChildProcess; pid: number }> {
  const guard = fork(GUARD_PATH, [logPath, binaryPath, ...serverFlags({ databasePath, port, uiPort })], {
    detached: true,
    // Fewer collections: some 15 % of the server's CPU, for memory this machine has.
    env: { ...env, GOGC: '400' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [message] = await Promise.race([
    once(guard, 'message'),
    once(guard, 'exit').then(() => {
      throw new Error(`The Temporal CLI at ${binaryPath} could not be run.`);
    }),
  ]);
  const { pid } = Spawned.parse(message);
  await rememberServer(dataDir, pid);
  return { process: guard, pid };
}
