import type { Config } from '../config.ts';
import type { TemporalAddress } from '../temporal/connection.ts';

/** Address that `npm run api` and `npm run worker` use if nothing names a Temporal server. */
const DEFAULT_ADDRESS = '127.0.0.1:7233';

export interface NamedTemporal extends TemporalAddress {
  /** What named the server, for the message at the start. */
  readonly namedBy: string;
}

/**
 * The Temporal server that the environment or a Temporal profile names. If neither names one, Temporal's
 * default address.
 */
export function externalTemporal({ temporal }: Config): NamedTemporal {
  return (
    temporal.external ?? {
      address: DEFAULT_ADDRESS,
      namespace: temporal.namespace,
      apiKey: null,
      tls: false,
      namedBy: 'default',
    }
  );
}

/** Heartbeat timeout if workers are separate processes: how long a dead worker goes unnoticed. */
export const SEPARATE_HEARTBEAT_SECONDS = 15;
