import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import { watchKeys } from '../keys/watched-keys.ts';
import type { Stopper } from './stop.ts';

/**
 * Opens the API keys and projects of REQRUN_KEYS_FILE and follows changes of the file. Null = the service is
 * open.
 */
export async function openKeys(
  { keysFile, allowPlainUpstream }: Pick<Config, 'keysFile' | 'allowPlainUpstream'>,
  log: Logger,
  stopper: Pick<Stopper, 'add'>,
): Promise<KeyRing | null> {
  if (keysFile === null) return null;
  const keys = await watchKeys(keysFile, allowPlainUpstream, log);
  stopper.add({ name: 'keys file', stop: async () => keys.stop() });
  return keys;
}
