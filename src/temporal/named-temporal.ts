import { loadClientConnectConfig } from '@temporalio/envconfig';
import { hostOf, isLoopback } from '../domain/hosts.ts';
import { grpcProxy } from '../domain/proxy.ts';
import type { TemporalAddress } from './connection.ts';

/**
 * The Temporal server that the environment or a Temporal profile names. `external` null = neither names one.
 */
export interface NamedTemporal {
  readonly namespace: string;
  readonly external: (TemporalAddress & { readonly namedBy: string }) | null;
}

/**
 * Reads Temporal's own variables and profile, as every Temporal tool does.
 *
 * @throws Error if they cannot be read
 */
export function readNamedTemporal(env: Readonly<Record<string, string | undefined>>): NamedTemporal {
  const overrideEnvVars: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) overrideEnvVars[name] = value;
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({ overrideEnvVars });
  const { address, apiKey, tls } = connectionOptions;
  if (address === undefined) return { namespace, external: null };
  const host = hostOf(address);
  return {
    namespace,
    external: {
      address,
      namespace,
      apiKey: apiKey ?? null,
      tls: tls ?? apiKey !== undefined,
      proxy: isLoopback(host) ? null : grpcProxy(env, host.replace(/^\[|\]$/g, '')),
      namedBy: env['TEMPORAL_ADDRESS'] === undefined ? 'a Temporal profile' : 'TEMPORAL_ADDRESS',
    },
  };
}
