import { Client, Connection } from '@temporalio/client';
import type { ConnectionLike, ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { hostOf, isLoopback } from '../domain/hosts.ts';
import { describeProxy, type HttpProxy } from '../domain/proxy.ts';

/**
 * Address of the Temporal server. It comes from the environment, a Temporal profile, or the embedded server.
 */
export interface TemporalAddress {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey: string | null;
  readonly tls: NonNullable<ConnectionOptions['tls']>;
  /** HTTP proxy for both clients. Null or absent = no proxy, even if the environment names one. */
  readonly proxy?: HttpProxy | null;
}

/** Describes the server's address, and the proxy if there is one, for messages. */
export function describeAddress({ address, proxy = null }: TemporalAddress): string {
  return proxy === null ? address : `${address} through the proxy ${describeProxy(proxy)}`;
}

/**
 * Opens the native connection. Client and worker share it, because eager starts need that. Fails at once if
 * Temporal cannot be reached.
 */
export async function connectNative(temporal: TemporalAddress): Promise<NativeConnection> {
  return NativeConnection.connect({
    ...connectOptions(temporal),
    ...nativeProxy(temporal),
    // On loopback, compression costs more than it saves.
    ...(isLoopback(hostOf(temporal.address)) ? { grpcCompression: { codec: 'none' as const } } : {}),
  });
}

/**
 * gRPC settings that find a lost server again soon. gRPC's own longest pause between two connection attempts
 * is two minutes. Temporal allows a ping every 10 s.
 */
const CHANNEL_ARGS = {
  'grpc.initial_reconnect_backoff_ms': 250,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 5_000,
};

/**
 * Creates a connection whose calls can be aborted and end at their deadline. It connects on its first call.
 */
export function connectLazily(temporal: TemporalAddress): Connection {
  // By itself, this client uses the environment's proxy, even for loopback addresses.
  const mayUseProxy = temporal.proxy ? 1 : 0;
  return Connection.lazy({
    ...connectOptions(temporal),
    channelArgs: { ...CHANNEL_ARGS, 'grpc.enable_http_proxy': mayUseProxy },
  });
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

/** Proxy settings for the native client, which reads no proxy from the environment. */
function nativeProxy({ proxy = null }: TemporalAddress): Pick<NativeConnectionOptions, 'proxy'> {
  if (proxy === null) return {};
  const { host, port } = new URL(proxy.origin);
  const targetHost = port === '' ? `${host}:80` : host;
  const { credentials } = proxy;
  return {
    proxy: {
      type: 'http-connect',
      targetHost,
      ...(credentials === null ? {} : { basicAuth: credentials }),
    },
  };
}
