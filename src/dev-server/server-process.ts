import { fork } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { endServer } from './orphan.ts';
import { childEnv, type Env } from './run-command.ts';

export interface ServerCommand {
  readonly binaryPath: string;
  readonly flags: readonly string[];
  readonly env: Env;
  /** Path by which the server's process is recognised. */
  readonly databasePath: string;
  /** The output of server and guard is appended to this file. */
  readonly logPath: string;
}

/** A server that runs under its guard. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the server or its guard is gone. */
  readonly ended: Promise<void>;
  /** The last lines of the output. */
  logTail(): Promise<string>;
  /** Ends server and guard, even if only one of them is still running. */
  stop(): Promise<void>;
}

/** `.ts` in a clone, `.js` in the installed package. */
const GUARD_PATH = fileURLToPath(new URL(`./guard${extname(import.meta.url)}`, import.meta.url));
/** A little longer than the time that the guard gives the server. */
const STOP_MS = 6_000;
const Spawned = z.object({ pid: z.number().int().min(2) });

/**
 * Starts the server under a guard, which stops the server when this process is gone.
 *
 * @throws Error if the server cannot be run
 */
export async function spawnServer(command: ServerCommand): Promise<ServerProcess> {
  const { binaryPath, flags, env, databasePath, logPath } = command;
  const log = await open(logPath, 'a');
  const logStart = (await stat(logPath)).size;
  const guard = fork(GUARD_PATH, [binaryPath, ...flags], {
    detached: true,
    env: childEnv(env),
    execArgv: [],
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  await log.close();
  const ended = once(guard, 'exit').then(
    () => undefined,
    () => undefined,
  );
  const logTail = async (): Promise<string> => {
    const written = (await readFile(logPath).catch(() => Buffer.alloc(0))).subarray(logStart);
    return written.toString('utf8').trim().split('\n').slice(-5).join('\n');
  };
  const message = await Promise.race([once(guard, 'message'), ended]);
  if (message === undefined) {
    throw new Error(`The Temporal CLI at ${binaryPath} could not be run:\n${await logTail()}`);
  }
  const { pid } = Spawned.parse(message[0]);
  return {
    pid,
    ended,
    logTail,
    stop: async () => {
      guard.kill('SIGTERM');
      const waited = new AbortController();
      await Promise.race([
        ended,
        sleep(STOP_MS, undefined, { signal: waited.signal }).catch(() => undefined),
      ]);
      waited.abort();
      // If only the guard has died, its server must not keep the ports.
      await endServer(pid, databasePath);
      guard.kill('SIGKILL');
      await ended;
    },
  };
}

/** Callbacks and the signal of the supervision after the first start. */
export interface Supervised {
  /** Starts the server again. Resolves when it answers. */
  readonly launch: () => Promise<ServerProcess>;
  /** Ends the supervision and the server. */
  readonly stopping: AbortSignal;
  readonly onStarted: (server: ServerProcess) => void;
  readonly onEnded: () => void;
  readonly onFailedStart: (error: unknown) => void;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 10_000;

/**
 * Keeps a server running. If it ends by itself, it is started again after 1 s. After each failed start the
 * delay doubles, up to 10 s. Resolves when `stopping` is aborted and the server has ended.
 */
export async function supervise(first: ServerProcess, parts: Supervised): Promise<void> {
  const { launch, stopping, onStarted, onEnded, onFailedStart } = parts;
  const asked = new Promise<void>((resolve) => {
    if (stopping.aborted) resolve();
    stopping.addEventListener('abort', () => resolve(), { once: true });
  });
  let server: ServerProcess | null = first;
  let delayMs = FIRST_DELAY_MS;
  for (;;) {
    if (server !== null) {
      await Promise.race([server.ended, asked]);
      if (!stopping.aborted) onEnded();
      await server.stop().catch(onFailedStart);
    }
    await sleep(delayMs, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return;
    server = await launch().catch((error: unknown) => {
      if (!stopping.aborted) onFailedStart(error);
      return null;
    });
    delayMs = server === null ? Math.min(delayMs * 2, LONGEST_DELAY_MS) : FIRST_DELAY_MS;
    if (server !== null) onStarted(server);
  }
}
