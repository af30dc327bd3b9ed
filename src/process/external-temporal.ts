import type { Config } from '../config.ts';
import type { TemporalAddress } from '../temporal/connection.ts';

/** Where `npm run api` and `npm run worker` look when nothing names a Temporal server. */
const DEFAULT_ADDRESS = '127.0.0.1:7233';

export interface NamedTemporal extends TemporalAddress {
  /** What named it, for the start's message. */
  readonly namedBy: string;
}

/** The Temporal server the environment or a profile names, else Temporal's default address. */
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

/** How long a dead worker goes unnoticed where workers are processes of their own. */
export const SEPARATE_HEARTBEAT_SECONDS = 15;
