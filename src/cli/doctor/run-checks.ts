import { type Config, ConfigError, loadListeningConfig } from '../../config.ts';
import { type Check, fault, ok } from './check.ts';
import { checkBlobStore } from './check-blob-store.ts';
import { checkDataDir, checkNode, checkPorts } from './check-machine.ts';
import { checkTemporal } from './check-temporal.ts';
import { checkUpstream } from './check-upstream.ts';

/** Runs all checks, as far as the configuration can be read. */
export async function runChecks(env?: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  let config: Config;
  try {
    config = await loadListeningConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const todo = 'Correct the variables; docs/configuration.md lists them. The other checks need them.';
    return [checkNode(true), ...error.faults.map((found) => fault('configuration', found, todo))];
  }
  const isEmbedded = config.temporal.external === null;
  const dataDir = isEmbedded ? await checkDataDir(config.embedded.dataDir) : null;
  const [ports, temporal, upstream, blobStore] = await Promise.all([
    checkPorts(config, dataDir?.isInUse ?? false),
    checkTemporal(config),
    checkUpstream(config),
    checkBlobStore(config),
  ]);
  return [
    checkNode(isEmbedded),
    ok('configuration', 'no faults'),
    ...(dataDir === null ? [] : [dataDir.check]),
    ...ports,
    temporal,
    ...(blobStore === null ? [] : [blobStore]),
    ...upstream,
  ];
}
