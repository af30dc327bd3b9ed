import { randomUUID } from 'node:crypto';
import type { NativeConnection } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { pino, type Logger } from 'pino';
import { inject } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createLimit } from '../../src/domain/limit.ts';
import { openKeys } from '../../src/process/keys.ts';
import { startMetrics } from '../../src/process/metrics.ts';
import { startApi } from '../../src/process/start-api.ts';
import { startWorker } from '../../src/process/start-worker.ts';
import { createUpstreamLookUp } from '../../src/process/upstream.ts';
import type { Stoppable, Stopper } from '../../src/process/stop.ts';
import { installRuntime } from '../../src/process/run-entry.ts';
import {
  connectLazily,
  connectNative,
  createClient,
  type TemporalAddress,
} from '../../src/temporal/connection.ts';
import { createDataConverter } from '../../src/temporal/data-converter.ts';
import { createWaiters } from '../../src/temporal/waiting/waiters.ts';
import { createProjectUpstreams } from '../../src/upstream/by-project.ts';
import { createLongPolls } from '../../src/temporal/waiting/long-polls.ts';

export interface Deployment {
  /** Of the API, without a path. */
  readonly url: string;
  readonly client: Client;
  readonly taskQueue: string;
  startWorker(): Promise<void>;
  /** Begins a stop: readiness off, held callers answered. */
  beginStop(): void;
  stop(): Promise<void>;
}

export interface DeploymentOptions {
  readonly upstreamURL: string;
  /** Whether the worker shares the API's process and connection, as with `npm start`. */
  readonly together?: boolean;
  /** False starts the API alone. */
  readonly worker?: boolean;
  readonly env?: Record<string, string>;
  readonly temporalAddress?: string;
  /** `default` where none is given. */
  readonly namespace?: string;
  /** Of the upstream's answers. */
  readonly maxResponseBytes?: number;
  /** Silent by default. */
  readonly log?: Logger;
}

let runtimeInstalled = false;

/** API and worker on the run's real Temporal server, put together by the product's own parts. */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { upstreamURL, together = true, worker = true, env = {}, maxResponseBytes = 1_000_000 } = options;
  const log = options.log ?? pino({ level: 'silent' });
  if (!runtimeInstalled) installRuntime(log);
  runtimeInstalled = true;

  const taskQueue = `test-${randomUUID()}`;
  const config = loadConfig({
    PORT: '0',
    REQRUN_TASK_QUEUE: taskQueue,
    OPENAI_BASE_URL: upstreamURL,
    ...env,
  });
  const address = options.temporalAddress ?? inject('temporalAddress');
  const { namespace = 'default' } = options;
  const temporal: TemporalAddress = { address, namespace, apiKey: null, tls: false };
  const stopper = testStopper();
  const metrics = await startMetrics(config, log, stopper);
  const keys = await openKeys(config, log, stopper);
  const connection: NativeConnection = await connectNative(temporal);
  stopper.add({ name: 'connection', stop: () => connection.close() });
  const abortable = connectLazily(temporal);
  stopper.add({ name: 'probe', stop: () => abortable.close() });
  const waiters = createWaiters(
    createLimit(config.limits.waiters),
    together ? null : createLongPolls(abortable, namespace, config.limits.longPolls),
  );
  const common = { baseURL: upstreamURL, apiKey: 'sk-test', maxResponseBytes };
  const upstream = createProjectUpstreams(
    createUpstreamLookUp({ keys, common: async () => common, maxResponseBytes, proxies: config.proxies }),
  );
  stopper.add({ name: 'upstream', stop: () => upstream.close() });
  const runWorker = (): Promise<void> =>
    startWorker({
      config,
      connection,
      namespace,
      identity: 'test-worker',
      upstream: { upstream, baseURL: upstreamURL, isDemo: false, proxy: null },
      waiters: together ? waiters : null,
      metrics: metrics?.registry ?? null,
      log,
      stopper,
    });
  if (worker) await runWorker();
  const url = await startApi({
    config,
    temporal,
    connection: together ? connection : abortable,
    abortable,
    eagerStart: together && worker,
    settledHere: together,
    waiters,
    keys,
    metrics: metrics?.registry ?? null,
    heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds ?? 15,
    uiUrl: 'http://127.0.0.1:8233',
    identity: 'test-api',
    log,
    stopper,
  });
  return {
    url,
    client: createClient(connection, temporal, 'test-client', createDataConverter(config.encryption)),
    taskQueue,
    startWorker: runWorker,
    beginStop: stopper.begin,
    stop: stopper.stopAll,
  };
}

function testStopper(): Stopper & { begin(): void; stopAll(): Promise<void> } {
  const controller = new AbortController();
  const stoppables: Stoppable[] = [];
  return {
    stopping: controller.signal,
    add: (stoppable) => void stoppables.push(stoppable),
    stop: (reason) => {
      throw new Error(`stopped by itself: ${reason}`);
    },
    begin: () => controller.abort(),
    stopAll: async () => {
      controller.abort();
      for (const { stop } of stoppables.toReversed()) await stop();
    },
  };
}
