import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EmbeddedServer,
  type EmbeddedSettings,
  startEmbeddedServer,
} from '../../src/dev-server/server.ts';
import { freePort } from './free-port.ts';

/** A Temporal server of a test's own, on ports and a data directory that stay the same when it is started again. */
export interface OwnTemporal {
  readonly address: string;
  readonly dataDir: string;
  start(): Promise<void>;
  /** Of the server that runs. */
  pid(): number;
  stop(): Promise<void>;
  /** Stops it and removes its data directory. */
  remove(): Promise<void>;
}

/** @param settings over those of a server that keeps its runs for a day and says nothing */
export async function createOwnTemporal(
  binaryPath: string,
  settings: Partial<EmbeddedSettings> = {},
): Promise<OwnTemporal> {
  const dataDir = settings.dataDir ?? (await mkdtemp(join(tmpdir(), 'reqrun-temporal-')));
  const [port, uiPort] = [await freePort(), await freePort()];
  let server: EmbeddedServer | null = null;
  const stop = async (): Promise<void> => server?.stop();
  return {
    address: `127.0.0.1:${port}`,
    dataDir,
    start: async () => {
      server = await startEmbeddedServer({
        binaryPath,
        dataDir,
        port,
        uiPort,
        retentionHours: 24,
        env: process.env,
        log: { warn: () => undefined },
        ...settings,
      });
    },
    pid: () => server?.pid() ?? 0,
    stop,
    remove: async () => {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
