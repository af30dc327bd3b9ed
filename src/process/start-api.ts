import type { Connection, ConnectionLike } from '@temporalio/client';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { TextStore } from '../blobs/text-store.ts';
import type { Config } from '../config.ts';
import { createLimit } from '../domain/limit.ts';
import type { StreamSubscriber } from '../domain/streams/channel.ts';
import type { UpstreamModels } from '../domain/upstream-models.ts';
import type { StreamTimes } from '../http/app-types.ts';
import { buildApp } from '../http/app.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import type { Lanes } from '../lanes/lanes.ts';
import { createApiMetrics } from '../metrics/api-metrics.ts';
import type { MetricsRegistry } from '../metrics/registry.ts';
import { createAvailability } from '../temporal/calls/availability.ts';
import { createClient, describeAddress, type TemporalAddress } from '../temporal/connection.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { createNamespaceFacts } from '../temporal/namespace.ts';
import { createCallBudget, withinBudget } from '../temporal/calls/call-budget.ts';
import { createIntake } from '../temporal/store/intake.ts';
import { createTemporalRequests } from '../temporal/store/temporal-requests.ts';
import type { Waiters } from '../temporal/waiting/waiters.ts';
import type { Stopper } from './stop.ts';

interface ApiParts {
  readonly config: Config;
  readonly temporal: TemporalAddress;
  /** Connection for starts and reads. For eager starts it must be the worker's own. */
  readonly connection: ConnectionLike;
  /** Connection for calls that end at their deadline or can be aborted. */
  readonly abortable: Connection;
  readonly eagerStart: boolean;
  /** Whether this process's own worker settles every run. */
  readonly settledHere: boolean;
  readonly waiters: Waiters;
  readonly streams: StreamSubscriber;
  /** The lanes of the worker in this process. Null = no worker is in this process. */
  readonly lanes: Lanes | null;
  readonly models: UpstreamModels;
  /** Null = there is no blob store. */
  readonly texts: TextStore | null;
  readonly maxBodyBytes: number;
  /** Null = the service is open. */
  readonly keys: KeyRing | null;
  /** Null = disabled. */
  readonly metrics: MetricsRegistry | null;
  readonly heartbeatTimeoutSeconds: number;
  readonly uiUrl: string | null;
  readonly identity: string;
  /** @default the API's own */
  readonly streamTimes?: StreamTimes;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/**
 * Connections that may wait to be accepted, because a crowd connects at once. The kernel lowers it to its own
 * maximum, `net.core.somaxconn`.
 */
const BACKLOG = 16_384;
/** A probe that takes longer counts as not answered. */
const PROBE_MS = 1_500;

/** Builds the API on Temporal and starts to listen. Resolves to the API's URL. */
export async function startApi(parts: ApiParts): Promise<string> {
  const { config, temporal, connection, abortable, waiters, metrics, log, stopper } = parts;
  const { namespace } = temporal;
  const { limits } = config;
  const intake = createIntake(limits);
  const reading = createLimit(limits.reading);
  const counts = {
    accepting: intake.places.taken,
    expectedMs: intake.expectedMs,
    reading: reading.taken,
    waiters: waiters.held,
  };
  const observer = metrics === null ? null : createApiMetrics(metrics, counts);
  const facts = createNamespaceFacts(abortable, namespace);
  // The probe uses the connection that starts use, because another connection may answer while this one is
  // stuck.
  const probe = (): Promise<unknown> => {
    const budget = createCallBudget(PROBE_MS);
    const call = (): Promise<unknown> => connection.workflowService.getSystemInfo({});
    return withinBudget(budget, connection.withDeadline(budget.deadlineMs, call));
  };
  await facts.refresh();
  if (facts.retentionMs() === null) {
    log.warn({ temporal: describeAddress(temporal), namespace }, 'Temporal does not answer yet');
  }
  const dataConverter = createDataConverter(config.encryption);
  const requests = createTemporalRequests({
    client: createClient(connection, temporal, parts.identity, dataConverter),
    boundedClient: createClient(abortable, temporal, parts.identity, dataConverter),
    start: {
      taskQueue: config.taskQueue,
      heartbeatTimeoutSeconds: parts.heartbeatTimeoutSeconds,
      eagerStart: parts.eagerStart,
      searchAttributes: facts.searchAttributes,
      workersAreOurs: parts.settledHere,
      isKeyed: parts.keys !== null,
      weightOf: (project) => parts.keys?.weightOf(project) ?? 1,
      retentionMs: facts.retentionMs,
    },
    record: () => ({ namespace, uiUrl: parts.uiUrl, retentionMs: facts.retentionMs() }),
    availability: createAvailability(probe),
    waiters,
    streams: parts.streams,
    texts: parts.texts,
    intake,
    reading,
    observer,
  });
  const app = await buildApp({
    requests,
    access:
      parts.keys === null
        ? { kind: 'open', hosts: config.allowedHosts }
        : { kind: 'keys', holderOf: parts.keys.holderOf },
    lanes: parts.lanes?.snapshots ?? null,
    models: parts.models,
    wait: config.http,
    maxBodyBytes: parts.maxBodyBytes,
    maxConnections: limits.connections,
    stopping: stopper.stopping,
    logger: log,
    observer,
    ...(parts.streamTimes === undefined ? {} : { streamTimes: parts.streamTimes }),
  });
  await app.listen({ host: config.host, port: config.port, backlog: BACKLOG }).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new Error(
      `The API cannot listen on port ${config.port} of ${config.host}${code}: set PORT, or HOST to an address of this machine, such as 127.0.0.1.`,
      { cause },
    );
  });
  stopper.add({
    name: 'API',
    stop: async () => {
      facts.stop();
      await app.close();
    },
  });
  return urlOf(app.server.address());
}

function urlOf(address: string | AddressInfo | null): string {
  if (address === null || typeof address === 'string') return 'http://127.0.0.1';
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
