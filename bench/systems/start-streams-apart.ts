import { join } from 'node:path';
import { createOwnTemporal } from '../../test/support/own-temporal.ts';
import { killTree } from '../../test/support/process-tree.ts';
import { isRedisInstalled, startRedisServer } from '../../test/support/redis-server.ts';
import { until } from '../../test/support/until.ts';
import { type BenchRun, newPlace } from '../rows/bench-run.ts';
import { startServiceWorker } from './start-service.ts';
import { spawnEntry } from './spawn-entry.ts';

/** ReqRun with API and worker apart, and Redis between them. */
export interface StreamsApart {
  /** URL of the API, without a path. */
  readonly url: string;
  /** Process ids of worker and API. */
  readonly nodePids: readonly number[];
  /** Process ids of Redis and of Temporal. */
  readonly serverPids: readonly number[];
  stop(): Promise<void>;
}

/** Starts Temporal, Redis, a worker and an API, each in a process of its own. Null = Redis is not installed. */
export async function startStreamsApart(run: BenchRun): Promise<StreamsApart | null> {
  if (!(await isRedisInstalled())) return null;
  const { around } = run;
  const { directory, ports } = await newPlace(run);
  const temporal = await createOwnTemporal(around.temporalBinary, { dataDir: join(directory, 'temporal') });
  await temporal.start();
  const redis = await startRedisServer();
  const env = {
    REQRUN_STREAM_URL: redis.url,
    REQRUN_TASK_QUEUE: 'streams',
    // One for each of the 1,000 calls that are open at once.
    REQRUN_MAX_LONG_POLLS: '1100',
  };
  const worker = await startServiceWorker(join(directory, 'worker'), temporal.address, around.upstreamURL, {
    env,
  });
  const api = await spawnEntry({
    path: 'src/api.ts',
    args: [],
    env: { ...env, TEMPORAL_ADDRESS: temporal.address, PORT: String(ports[0]), npm_lifecycle_event: 'start' },
    directory: join(directory, 'api'),
  });
  const url = `http://127.0.0.1:${ports[0]}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await Promise.race([until(isReady, Boolean, 60_000), api.died]);
  return {
    url,
    nodePids: [worker.pid, api.pid],
    serverPids: [redis.pid(), temporal.pid()],
    stop: async () => {
      await Promise.all([killTree(worker.pid), killTree(api.pid)]);
      await redis.close();
      await temporal.stop();
    },
  };
}
