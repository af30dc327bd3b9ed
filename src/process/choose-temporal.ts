import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { BinarySettings } from '../dev-server/binary-on-disk.ts';
import { directoryId, lockDataDir } from '../dev-server/data-dir.ts';
import { findTemporalBinary } from '../dev-server/find-binary.ts';
import { type Crash, startEmbeddedServer } from '../dev-server/server.ts';
import { describeAddress, type TemporalAddress } from '../temporal/connection.ts';
import { SEPARATE_HEARTBEAT_SECONDS } from './external-temporal.ts';
import type { Stopper } from './stop.ts';

/** The Temporal server that `npm start` uses, and the settings that depend on it. */
export interface ChosenTemporal {
  readonly temporal: TemporalAddress;
  /** Text for a person: the server's address and what named it. */
  readonly said: string;
  readonly uiUrl: string | null;
  /** Id of the locked data directory. Null = the server is not embedded. */
  readonly directoryId: string | null;
  /**
   * The crash of the directory's last deployment. Its interrupted calls must be made again at once. Null = it
   * did not crash.
   */
  readonly crash: Crash | null;
  readonly heartbeatTimeoutSeconds: number;
}

/** Heartbeats can be rare, because the embedded deployment detects a crash at its next start. */
const EMBEDDED_HEARTBEAT_SECONDS = 60;
/** How long to wait for the lock of a predecessor that is stopping. It has its own grace period. */
const LOCK_WAIT_MS = 20_000;

/** The settings of the search for the Temporal CLI. */
export function binarySettings(
  { embedded: { cacheDir, cliUrl }, env, proxies }: Pick<Config, 'embedded' | 'env' | 'proxies'>,
  progress: (line: string) => void,
): BinarySettings {
  return { cacheDir, cliUrl, env, proxies, progress };
}

/**
 * Returns the server that TEMPORAL_ADDRESS or a Temporal profile names. If neither names one, starts an
 * embedded server.
 *
 * @param codecEndpoint address at which an embedded UI has payloads decrypted. Null = the UI shows them as
 *   stored
 */
export async function chooseTemporal(
  config: Config,
  log: Logger,
  stopper: Stopper,
  progress: (line: string) => void,
  codecEndpoint: string | null,
): Promise<ChosenTemporal> {
  const { external, namespace } = config.temporal;
  if (external !== null) {
    return {
      temporal: external,
      said: `${describeAddress(external)} (named by ${external.namedBy}), namespace ${namespace}`,
      uiUrl: config.temporalUiUrl,
      directoryId: null,
      crash: null,
      heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds ?? SEPARATE_HEARTBEAT_SECONDS,
    };
  }
  const { dataDir, port, uiPort, retentionHours } = config.embedded;
  const lock = await lockDataDir(dataDir, LOCK_WAIT_MS);
  stopper.add({ name: 'data directory', stop: async () => lock.release() });
  const binary = await findTemporalBinary(binarySettings(config, progress));
  const server = await startEmbeddedServer({
    binaryPath: binary.path,
    dataDir,
    port,
    uiPort,
    retentionHours,
    ...(codecEndpoint === null ? {} : { codecEndpoint }),
    env: config.env,
    log,
  });
  stopper.add({ name: 'embedded Temporal server', stop: () => server.stop() });
  return {
    temporal: { address: server.address, namespace: 'default', apiKey: null, tls: false },
    said: `embedded at ${server.address}, database ${dataDir}/temporal.db (binary: ${binary.source})`,
    uiUrl: config.temporalUiUrl ?? server.uiUrl,
    directoryId: await directoryId(dataDir),
    crash: server.crash,
    heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds ?? EMBEDDED_HEARTBEAT_SECONDS,
  };
}
