import { Client, Connection } from '@temporalio/client';
import type { ConnectionLike, ConnectionOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { hostOf, isLoopback } from '../domain/hosts.ts';
import { describeProxy, type HttpProxy } from '../domain/proxy.ts';

/** Where Temporal is; from the environment, a Temporal profile, or the embedded server. */
export interface TemporalAddress {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey: string | null;
  readonly tls: NonNullable<ConnectionOptions['tls']>;
  /** What both clients go through; null or left out = none, whatever the environment says. */
  readonly proxy?: HttpProxy | null;
}

/** Where Temporal is asked, and through what, for messages. */
export function describeAddress({ address, proxy = null }: TemporalAddress): string {
  return proxy === null ? address : `${address} through the proxy ${describeProxy(proxy)}`;
}

/** One connection for client and worker: what eager starts need. Fails at once where Temporal is away. */
export async function connectNative(temporal: TemporalAddress): Promise<NativeConnection> {
  return NativeConnection.connect({
    ...connectOptions(temporal),
    ...nativeProxy(temporal),
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
  // This client finds the environment's proxy by itself, also on the way to loopback.
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

/** The native client reads no proxy from the environment. */
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
