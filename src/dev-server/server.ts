import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { DataDirUnusableError } from './data-dir.ts';
import { serverEnv, serverFlags, type ServerPlace } from './flags.ts';
import { forgetServer, rememberedServer, rememberServer, stopOrphan } from './orphan.ts';
import { requirePorts } from './ports.ts';
import { NAMESPACE, untilServerAnswers } from './readiness.ts';
import type { Env } from './run-command.ts';
import { type ServerProcess, spawnServer, supervise } from './server-process.ts';

export interface EmbeddedSettings {
  readonly binaryPath: string;
  /** The caller must hold its lock for as long as the server runs. */
  readonly dataDir: string;
  readonly port: number;
  readonly uiPort: number;
  readonly retentionHours: number;
  readonly codecEndpoint?: string;
  readonly dynamicConfig?: ServerPlace['dynamicConfig'];
  readonly env: Env;
  readonly log: {
    warn(fields: object, message: string): void;
    /** Logs a server that ended by itself. Without it, `warn` is used. */
    error?(fields: object, message: string): void;
  };
}

export interface Crash {
  /**
   * Call this when nothing of the crash is left to recover. Until then an orderly stop keeps the record of
   * the crash.
   */
  recovered(): void;
}

export interface EmbeddedServer {
  readonly address: string;
  readonly uiUrl: string;
  readonly namespace: string;
  /**
   * Not null if the directory's last deployment did not stop in order. It may have left interrupted calls.
   */
  readonly crash: Crash | null;
  /** Process id of the server itself. It changes with a restart. */
  pid(): number;
  /** Registers a listener that is called each time the server ends by itself, before the restart. */
  onExit(listener: () => void): void;
  /** Ends server and guard. Safe to call twice. The caller releases the lock afterwards. */
  stop(): Promise<void>;
}

const START_MS = 30_000;

/**
 * Starts Temporal's dev server on a database file and keeps it running. If it dies by itself, it is started
 * again on the same ports and file.
 *
 * @throws PortInUseError if another program uses one of the ports
 * @throws DataDirUnusableError if the directory cannot be written to
 * @throws Error with the server's last output if it does not start
 */
export async function startEmbeddedServer(settings: EmbeddedSettings): Promise<EmbeddedServer> {
  const { port, uiPort, log } = settings;
  // A successor recognises the server by the database's path, so the path must always have the same spelling.
  const dataDir = await usableDir(settings.dataDir);
  const followsCrash = (await rememberedServer(dataDir)) !== null;
  if (await stopOrphan(dataDir, join(dataDir, 'temporal.db'))) {
    log.warn({}, 'stopped a Temporal server that an earlier process left running');
  }
  await requirePorts(port, uiPort);
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  const launch = (): Promise<ServerProcess> => launchServer({ ...settings, dataDir }, stopping.signal);
  const complain = (fields: object, message: string): void => {
    if (log.error === undefined) log.warn(fields, message);
    else log.error(fields, message);
  };
  let isForgettable = !followsCrash;
  let current = await launch();
  const supervised = supervise(current, {
    launch,
    stopping: stopping.signal,
    onStarted: (server) => {
      current = server;
      log.warn({ pid: server.pid }, 'the embedded Temporal server is running again');
    },
    onEnded: () => {
      complain({ pid: current.pid }, 'the embedded Temporal server ended unexpectedly; starting it again');
      for (const listener of listeners) listener();
    },
    onFailedStart: (error) =>
      complain({ error: String(error) }, 'the embedded Temporal server could not be restarted'),
  });
  return {
    address: `127.0.0.1:${port}`,
    uiUrl: `http://127.0.0.1:${uiPort}`,
    namespace: NAMESPACE,
    crash: followsCrash ? { recovered: () => void (isForgettable = true) } : null,
    pid: () => current.pid,
    onExit: (listener) => void listeners.add(listener),
    stop: async () => {
      stopping.abort();
      await supervised;
      if (isForgettable) await forgetServer(dataDir);
    },
  };
}

/** Starts the server. Resolves when it answers. If it does not answer, it is ended before this throws. */
async function launchServer(settings: EmbeddedSettings, signal: AbortSignal): Promise<ServerProcess> {
  const { binaryPath, dataDir, port, uiPort, retentionHours } = settings;
  const databasePath = join(dataDir, 'temporal.db');
  const logPath = join(dataDir, 'temporal.log');
  const flags = serverFlags({ ...settings, databasePath });
  const server = await spawnServer({
    binaryPath,
    flags,
    env: serverEnv(settings.env),
    databasePath,
    logPath,
  });
  const gone = new AbortController();
  void server.ended.then(() => gone.abort());
  try {
    await rememberServer(dataDir, { pid: server.pid, port, uiPort, startedAt: new Date().toISOString() });
    const either = AbortSignal.any([signal, gone.signal]);
    await untilServerAnswers({ port, retentionHours, withinMs: START_MS, signal: either });
    return server;
  } catch (error) {
    const endedByItself = gone.signal.aborted;
    await server.stop();
    const what = endedByItself
      ? 'ended while it started'
      : `did not answer at 127.0.0.1:${port} within ${START_MS / 1000} s, asked without a proxy`;
    throw new Error(`The embedded Temporal server ${what} (log: ${logPath}):\n${await server.logTail()}`, {
      cause: error,
    });
  }
}

async function usableDir(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await realpath(dataDir);
  } catch (error) {
    throw new DataDirUnusableError(dataDir, error);
  }
}
