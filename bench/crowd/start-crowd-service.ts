import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import { createOwnTemporal } from '../../test/support/own-temporal.ts';
import { killTree } from '../../test/support/process-tree.ts';
import { scrape } from '../../test/support/scrape.ts';
import { type BenchRun, newPlace } from '../rows/bench-run.ts';
import type { HttpSystem } from '../systems/called-over-http.ts';
import { startService, startServiceWorker } from '../systems/start-service.ts';

/** ReqRun as a case needs it. */
export interface CrowdService {
  /** The present process. It changes with a restart. */
  system(): HttpSystem;
  /** Base URL for an OpenAI client. */
  readonly clientURL: string;
  /** Requests that were accepted since the start. */
  accepted(): Promise<number>;
  /** Ends everything with kill -9 and starts it again on the same state. Only with one worker. */
  killAndRestart(): Promise<void>;
  /** Ends everything with kill -9. */
  stop(): Promise<void>;
}

/**
 * Starts ReqRun. With two workers, the first shares a process with the API and the second has one of its own, on a
 * Temporal server that the benchmark starts.
 *
 * @param checkout its root. Null = this one
 */
export async function startCrowdService(
  run: BenchRun,
  checkout: string | null,
  { workers = 1, env: given = {} }: { workers?: 1 | 2; env?: Record<string, string> } = {},
): Promise<CrowdService> {
  const { limited, around } = run;
  const place = await newPlace(run);
  const metricsPort = await freePort();
  const stops: (() => Promise<void>)[] = [];
  const env: Record<string, string> = { REQRUN_METRICS_PORT: String(metricsPort), ...given };
  if (workers === 2) {
    const dataDir = join(place.directory, 'temporal');
    const temporal = await createOwnTemporal(around.temporalBinary, { dataDir });
    await temporal.start();
    env['TEMPORAL_ADDRESS'] = temporal.address;
    stops.push(() => temporal.stop());
    const directory = join(place.directory, 'worker');
    const second = await startServiceWorker(directory, temporal.address, limited.baseURL, {
      checkout,
      env: given,
    });
    stops.push(() => killTree(second.pid));
  }
  const start = (): Promise<HttpSystem> => startService(place, limited.baseURL, { checkout, env });
  let system = await start();
  return {
    system: () => system,
    clientURL: `http://127.0.0.1:${place.ports[0]}/v1`,
    accepted: async () => {
      const { samples } = await scrape(`http://127.0.0.1:${metricsPort}/metrics`);
      return samples.get('reqrun_requests_accepted_total') ?? 0;
    },
    killAndRestart: async () => {
      await system.stop();
      system = await start();
    },
    stop: async () => {
      await system.stop();
      for (const stop of stops.toReversed()) await stop();
    },
  };
}
