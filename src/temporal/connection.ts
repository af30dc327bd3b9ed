import { Client, Connection } from '@temporalio/client';
import type { ConnectionLike, ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection } from '@temporalio/worker';
import { hostOf, isLoopback } from '../domain/hosts.ts';

/** Where Temporal is; from the environment, a Temporal profile, or the embedded server. */
export interface TemporalAddress {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey: string | null;
  readonly tls: NonNullable<ConnectionOptions['tls']>;
}

/** One connection for client and worker: what eager starts need. Fails at once where Temporal is away. */
export async function connectNative(temporal: TemporalAddress): Promise<NativeConnection> {
  return NativeConnection.connect({
    ...connectOptions(temporal),
    // On loopback compressing costs more than it saves.
    ...(isLoopback(hostOf(temporal.address)) ? { grpcCompression: { codec: 'none' as const } } : {}),
  });
}

/**
 * How soon a lost server is found again. gRPC's own longest pause between two tries to connect is two
 * minutes; Temporal allows a ping every 10 s.
 */
const CHANNEL_ARGS = {
  'grpc.initial_reconnect_backoff_ms': 250,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 5_000,
};

/** A connection whose calls can be aborted and give up on time; connects with its first call. */
export function connectLazily(temporal: TemporalAddress): Connection {
  return Connection.lazy({ ...connectOptions(temporal), channelArgs: CHANNEL_ARGS });
}

export function createClient(
  connection: ConnectionLike,
  temporal: TemporalAddress,
  identity: string,
  dataConverter: DataConverter,
): Client {
  return new Client({ connection, namespace: temporal.namespace, identity, dataConverter });
}

function connectOptions({ address, apiKey, tls }: TemporalAddress): {
  address: string;
  tls: NonNullable<ConnectionOptions['tls']>;
  apiKey?: string;
} {
  return { address, tls, ...(apiKey === null ? {} : { apiKey }) };
}
