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
import { startApi } from './start-api.ts';
import { startWorker } from './start-worker.ts';
import type { Stopper } from './stop.ts';
import type { ChosenUpstream } from './upstream.ts';

export interface ServiceParts {
  readonly config: Config;
  readonly temporal: TemporalAddress;
  readonly identity: string;
  /** Whether no other worker takes this task queue's runs: every run then settles here. */
  readonly settledHere: boolean;
  readonly heartbeatTimeoutSeconds: number;
  /** Of the Temporal UI; null = unknown. */
  readonly uiUrl: string | null;
  readonly upstream: ChosenUpstream;
  /** Null = the service is open. */
  readonly keys: KeyRing | null;
  /** Null = none are served. */
  readonly metrics: MetricsRegistry | null;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/** API and worker of one process: connected, not yet at work. */
export interface Service {
  /** On a connection whose calls end with their deadline. */
  readonly boundedClient: Client;
  /** Resolves when the worker takes runs. */
  startWorker(): Promise<void>;
  /** Listens. Resolves to the API's URL. */
  startApi(): Promise<string>;
}

/**
 * Puts API and worker together on one Temporal server. They share a connection, so that the first task of a run
 * travels with the answer to its start, and the callers that wait, so that a result answers them here.
 *
 * @throws Error where Temporal cannot be reached
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
  return {
    boundedClient: createClient(abortable, temporal, identity, createDataConverter(config.encryption)),
    startWorker: () => startWorker({ ...parts, connection, namespace, waiters }),
    startApi: () => startApi({ ...parts, connection, abortable, waiters, eagerStart: true }),
  };
}
