import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../test/support/until.ts';
import { calledOverHttp, type HttpSystem } from './called-over-http.ts';
import { type SpawnedEntry, spawnEntry } from './spawn-entry.ts';
import type { Place } from './system.ts';

/** Wait of each call, s. Longer than any call of a load takes, and within ReqRun's maximum. */
const WAIT_SECONDS = 240;

/** What differs between the services of several rows. */
export interface ServiceSettings {
  /** Root of the checkout whose service runs. Null = this one. */
  readonly checkout?: string | null;
  /** Variables in addition to the usual ones. */
  readonly env?: Record<string, string>;
}

/** Starts ReqRun as `npm start` does. Resolves when it takes calls. */
export async function startService(
  { directory, ports }: Place,
  upstreamURL: string,
  { checkout = null, env = {} }: ServiceSettings = {},
): Promise<HttpSystem> {
  const [port, temporalPort, uiPort] = ports;
  const all = {
    PORT: String(port),
    OPENAI_BASE_URL: upstreamURL,
    REQRUN_DATA_DIR: directory,
    REQRUN_TEMPORAL_PORT: String(temporalPort),
    REQRUN_TEMPORAL_UI_PORT: String(uiPort),
    // As under npm: the process stops when the process that started it is gone.
    npm_lifecycle_event: 'start',
    ...env,
  };
  const spawned = await spawnEntry({ path: 'src/main.ts', checkout, args: [], env: all, directory });
  // A listening port is no proof, because a starting process also listens for a moment to see whether the port is free.
  const isReady = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await Promise.race([until(isReady, Boolean, 60_000), spawned.died]);
  const url = `http://127.0.0.1:${port}/v1/chat/completions`;
  return calledOverHttp('service', spawned, url, { prefer: `wait=${WAIT_SECONDS}` });
}

/** Starts a worker as `npm run worker` does. Resolves when it is ready. */
export async function startServiceWorker(
  directory: string,
  temporalAddress: string,
  upstreamURL: string,
  { checkout = null, env = {} }: ServiceSettings = {},
): Promise<SpawnedEntry> {
  const all = {
    TEMPORAL_ADDRESS: temporalAddress,
    OPENAI_BASE_URL: upstreamURL,
    npm_lifecycle_event: 'start',
    ...env,
  };
  const spawned = await spawnEntry({ path: 'src/worker.ts', checkout, args: [], env: all, directory });
  const output = (): Promise<string> => readFile(join(directory, 'output.log'), 'utf8');
  await Promise.race([until(output, (text) => text.includes('"ready"'), 60_000), spawned.died]);
  return spawned;
}
