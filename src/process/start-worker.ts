import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { StreamPublisher } from '../domain/streams/channel.ts';
import type { Lanes } from '../lanes/lanes.ts';
import { createWorkerMetrics } from '../metrics/worker-metrics.ts';
import type { MetricsRegistry } from '../metrics/registry.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { sweepRegularly } from '../temporal/worker/blob-sweep.ts';
import { createClient, type TemporalAddress } from '../temporal/connection.ts';
import { createWorker } from '../temporal/worker/create-worker.ts';
import type { Waiters } from '../temporal/waiting/waiters.ts';
import { loadWorkflowBundle } from '../temporal/worker/workflow-bundle.ts';
import type { LargeTexts } from './large-texts.ts';
import type { ChosenUpstream } from './upstream.ts';
import type { Stopper } from './stop.ts';

interface WorkerParts {
  readonly config: Config;
  readonly connection: NativeConnection;
  readonly temporal: TemporalAddress;
  readonly namespace: string;
  readonly identity: string;
  readonly upstream: ChosenUpstream;
  readonly lanes: Lanes;
  readonly streams: StreamPublisher;
  /** Null = there is no blob store. */
  readonly largeTexts: LargeTexts | null;
  /** Null = no callers are held in this process. */
  readonly waiters: Waiters | null;
  /** Null = disabled. */
  readonly metrics: MetricsRegistry | null;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/** Creates and runs the worker. If the worker fails before a stop, the process stops. */
export async function startWorker(parts: WorkerParts): Promise<void> {
  const { config, connection, temporal, namespace, identity, waiters, metrics, log, stopper } = parts;
  const { upstream, lanes, streams, largeTexts } = parts;
  const dataConverter = createDataConverter(config.encryption);
  const observer = metrics === null ? null : createWorkerMetrics(metrics, lanes.snapshots);
  const worker = await createWorker(
    connection,
    await loadWorkflowBundle(config.encryption !== null),
    {
      namespace,
      taskQueue: config.taskQueue,
      dataConverter,
      identity,
      shutdownGraceMs: config.shutdownGraceMs,
      maxAttemptsInFlight: config.limits.attemptsInFlight,
    },
    {
      upstreams: upstream.upstream,
      texts: largeTexts?.texts ?? null,
      blobs: largeTexts?.store ?? null,
      lanes,
      streams,
      now: Date.now,
      random: Math.random,
      log,
      observer,
    },
    waiters,
  );
  if (largeTexts !== null) {
    const { stopping } = stopper;
    const sweep = {
      client: createClient(connection, temporal, identity, dataConverter),
      store: largeTexts.store,
      now: Date.now,
      stopping,
      log,
    };
    void sweepRegularly(sweep);
  }
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
