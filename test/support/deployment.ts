import { composeService, type Service, type ServiceParts } from '../../src/process/compose-service.ts';
import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { pino, type Logger } from 'pino';
import { inject } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { createLimit } from '../../src/domain/limit.ts';
import type { StreamTimes } from '../../src/http/app-types.ts';
import { openKeys } from '../../src/process/keys.ts';
import { openLargeTexts, planLargeTexts } from '../../src/process/large-texts.ts';
import { startMetrics } from '../../src/process/metrics.ts';
import { startApi } from '../../src/process/start-api.ts';
import { startWorker } from '../../src/process/start-worker.ts';
import { openStreams } from '../../src/process/streams.ts';
import { createWorkerLanes } from '../../src/process/worker-lanes.ts';
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
  /** Of streams; the API's own where none are given. */
  readonly streamTimes?: StreamTimes;
  /** Silent by default. */
  readonly log?: Logger;
}

let runtimeInstalled = false;

/** API and worker on the run's real Temporal server, put together by the product's own parts. */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  const { upstreamURL, together = true, worker = true, env = {} } = options;
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
  const plan = planLargeTexts(config, false);
  const largeTexts = await openLargeTexts(plan, config, namespace);
  const { maxResponseBytes = largeTexts === null ? 1_000_000 : plan.maxResponseBytes } = options;
  const metrics = await startMetrics(config, log, stopper);
  const keys = await openKeys(config, log, stopper);
  const settings = { baseURL: upstreamURL, apiKey: 'sk-test', maxResponseBytes };
  const common = { settings, streams: config.upstream?.streams === true };
  const calls = createProjectUpstreams(
    createUpstreamLookUp({ keys, common: async () => common, maxResponseBytes, proxies: config.proxies }),
  );
  stopper.add({ name: 'upstream', stop: () => calls.close() });
  const parts: ServiceParts = {
    config,
    temporal,
    identity: 'test-service',
    settledHere: together,
    heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds ?? 15,
    uiUrl: 'http://127.0.0.1:8233',
    upstream: { upstream: calls, baseURL: upstreamURL, isDemo: false, proxy: null },
    largeTexts,
    maxBodyBytes: plan.maxBodyBytes,
    keys,
    metrics: metrics?.registry ?? null,
    log,
    stopper,
    ...(options.streamTimes === undefined ? {} : { streamTimes: options.streamTimes }),
  };
  const service = await (together ? composeService(parts) : composeApart(parts));
  if (worker) await service.startWorker();
  const url = await service.startApi();
  const client = createClient(
    connectLazily(temporal),
    temporal,
    'test-client',
    createDataConverter(config.encryption),
  );
  stopper.add({ name: 'client', stop: () => client.connection.close() });
  return {
    url,
    client,
    taskQueue,
    startWorker: service.startWorker,
    beginStop: stopper.begin,
    stop: stopper.stopAll,
  };
}

/** As the entries of API and worker do, each on a connection of its own. */
async function composeApart(parts: ServiceParts): Promise<Pick<Service, 'startWorker' | 'startApi'>> {
  const { config, temporal, stopper } = parts;
  const { namespace } = temporal;
  const connection = await connectNative(temporal);
  stopper.add({ name: 'worker connection', stop: () => connection.close() });
  const abortable = connectLazily(temporal);
  stopper.add({ name: 'API connection', stop: () => abortable.close() });
  const waiters = createWaiters(
    createLimit(config.limits.waiters),
    createLongPolls(abortable, namespace, config.limits.longPolls),
  );
  return {
    startWorker: () =>
      startWorker({
        ...parts,
        streams: openStreams({ ...parts, namespace, settledHere: false }),
        connection,
        namespace,
        waiters: null,
        lanes: createWorkerLanes({ ...parts, connection, namespace, settledHere: false }),
      }),
    startApi: () =>
      startApi({
        ...parts,
        streams: openStreams({ ...parts, namespace, settledHere: false }),
        models: parts.upstream.upstream,
        texts: parts.largeTexts?.texts ?? null,
        connection: abortable,
        abortable,
        waiters,
        lanes: null,
        eagerStart: false,
        settledHere: false,
      }),
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
