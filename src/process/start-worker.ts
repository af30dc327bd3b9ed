import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { StreamPublisher } from '../domain/streams/channel.ts';
import type { Lanes } from '../lanes/lanes.ts';
import { createWorkerMetrics } from '../metrics/worker-metrics.ts';
import type { MetricsRegistry } from '../metrics/registry.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { createWorker } from '../temporal/worker/create-worker.ts';
import type { Waiters } from '../temporal/waiting/waiters.ts';
import { loadWorkflowBundle } from '../temporal/worker/workflow-bundle.ts';
import type { ChosenUpstream } from './upstream.ts';
import type { Stopper } from './stop.ts';

interface WorkerParts {
  readonly config: Config;
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly identity: string;
  readonly upstream: ChosenUpstream;
  readonly lanes: Lanes;
  readonly streams: StreamPublisher;
  /** Null = no callers are held in this process. */
  readonly waiters: Waiters | null;
  /** Null = disabled. */
  readonly metrics: MetricsRegistry | null;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/** Creates and runs the worker. If the worker fails before a stop, the process stops. */
export async function startWorker(parts: WorkerParts): Promise<void> {
  const { config, connection, namespace, identity, upstream, lanes, waiters, metrics, log, stopper } = parts;
  const { streams } = parts;
  const observer = metrics === null ? null : createWorkerMetrics(metrics, lanes.snapshots);
  const worker = await createWorker(
    connection,
    await loadWorkflowBundle(config.encryption !== null),
    {
      namespace,
      taskQueue: config.taskQueue,
      dataConverter: createDataConverter(config.encryption),
      identity,
      shutdownGraceMs: config.shutdownGraceMs,
      maxAttemptsInFlight: config.limits.attemptsInFlight,
    },
    { upstreams: upstream.upstream, lanes, streams, now: Date.now, random: Math.random, log, observer },
    waiters,
  );
  const ended = worker.run().catch((error: unknown) => {
    log.error({ error: String(error) }, 'the worker failed');
    stopper.stop('worker failed', 1);
  });
  stopper.add({
    name: 'worker',
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    },
  });
}
