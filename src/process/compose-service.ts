import type { Client, Connection } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { createLimit } from '../domain/limit.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { MetricsRegistry } from '../metrics/registry.ts';
import {
  connectLazily,
  connectNative,
  createClient,
  describeAddress,
  type TemporalAddress,
} from '../temporal/connection.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { createLongPolls } from '../temporal/waiting/long-polls.ts';
import { createWaiters } from '../temporal/waiting/waiters.ts';
import { openStreams } from './streams.ts';
import type { LargeTexts } from './large-texts.ts';
import { startApi } from './start-api.ts';
import { startWorker } from './start-worker.ts';
import type { Stopper } from './stop.ts';
import { createWorkerLanes } from './worker-lanes.ts';
import type { ChosenUpstream } from './upstream.ts';
import type { StreamTimes } from '../http/app-types.ts';

export interface ServiceParts {
  readonly config: Config;
  readonly temporal: TemporalAddress;
  readonly identity: string;
  /** Whether this process's worker is the only one on the task queue, so that every run settles here. */
  readonly settledHere: boolean;
  readonly heartbeatTimeoutSeconds: number;
  /** Base URL of the Temporal UI. Null = unknown. */
  readonly uiUrl: string | null;
  readonly upstream: ChosenUpstream;
  /** Null = there is no blob store. */
  readonly largeTexts: LargeTexts | null;
  readonly maxBodyBytes: number;
  /** Null = the service is open. */
  readonly keys: KeyRing | null;
  /** Null = disabled. */
  readonly metrics: MetricsRegistry | null;
  /** @default the API's own */
  readonly streamTimes?: StreamTimes;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/** API and worker of one process. Connected, but not started. */
export interface Service {
  /** Client on a connection whose calls end at their deadline. */
  readonly boundedClient: Client;
  /** Starts the worker. Resolves when it takes runs. */
  startWorker(): Promise<void>;
  /** Starts to listen. Resolves to the API's URL. */
  startApi(): Promise<string>;
}

/**
 * Connects API and worker to one Temporal server. They share the connection, so that the first task of a run
 * travels with the answer to its start. They share the waiters, so that a result answers its callers in this
 * process.
 *
 * @throws Error if Temporal cannot be reached
 */
export async function composeService(parts: ServiceParts): Promise<Service> {
  const { config, temporal, identity, settledHere, stopper } = parts;
  const { namespace } = temporal;
  const connection: NativeConnection = await connectNative(temporal).catch((cause: unknown) => {
    throw new Error(`Temporal cannot be reached at ${describeAddress(temporal)}.`, { cause });
  });
  stopper.add({ name: 'Temporal connection', stop: () => connection.close() });
  const abortable: Connection = connectLazily(temporal);
  stopper.add({ name: 'Temporal probe', stop: () => abortable.close() });
  const waiters = createWaiters(
    createLimit(config.limits.waiters),
    settledHere ? null : createLongPolls(abortable, namespace, config.limits.longPolls),
  );
  const streams = openStreams({ ...parts, namespace });
  const lanes = createWorkerLanes({ ...parts, connection, namespace });
  return {
    boundedClient: createClient(abortable, temporal, identity, createDataConverter(config.encryption)),
    startWorker: () => startWorker({ ...parts, connection, namespace, waiters, lanes, streams }),
    startApi: () => {
      const { upstream: models } = parts.upstream;
      const texts = parts.largeTexts?.texts ?? null;
      return startApi({
        ...parts,
        models,
        texts,
        connection,
        abortable,
        waiters,
        lanes,
        streams,
        eagerStart: true,
      });
    },
  };
}
