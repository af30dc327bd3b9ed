import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { runEntryFile, type RunningProcess } from './process.ts';

/** What `npm start` runs, on an embedded server with a data directory and ports of its own. */
export interface EmbeddedService {
  readonly url: string;
  readonly temporalAddress: string;
  /** Of the database, and of whatever else the service writes. */
  readonly dataDir: string;
  /** Starts it, also again after it died. Resolves when it says that it is ready. */
  start(): Promise<RunningProcess>;
  /** Ends whatever was started and removes the data directory. */
  remove(): Promise<void>;
}

export async function createEmbeddedService(settings: Record<string, string>): Promise<EmbeddedService> {
  const dataDir = await mkdtemp(join(tmpdir(), 'reqrun-service-'));
  const [port, temporalPort, uiPort] = [await freePort(), await freePort(), await freePort()].map(String);
  const env = {
    ...settings,
    PORT: port ?? '',
    REQRUN_DATA_DIR: dataDir,
    REQRUN_TEMPORAL_PORT: temporalPort ?? '',
    REQRUN_TEMPORAL_UI_PORT: uiPort ?? '',
  };
  const running: RunningProcess[] = [];
  return {
    url: `http://127.0.0.1:${port}`,
    dataDir,
    temporalAddress: `127.0.0.1:${temporalPort}`,
    start: async () => {
      const service = runEntryFile('src/main.ts', env);
      running.push(service);
      await service.untilOutput('is ready', 60_000);
      return service;
    },
    remove: async () => {
      for (const service of running) await service.end('SIGTERM');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
