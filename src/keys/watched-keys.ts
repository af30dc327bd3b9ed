import { readFile, stat } from 'node:fs/promises';
import { createKeyRing, type KeyRing } from './key-ring.ts';
import { KeysFileError, parseKeysFile } from './keys-file.ts';

/** The content of the keys file, at most about a second old. */
export interface WatchedKeys extends KeyRing {
  stop(): void;
}

/**
 * The file is polled because file system events do not work on every kind of mount. A revocation takes effect
 * within 5 s.
 */
const POLL_MS = 1_000;
const NOT_THERE = 'not there';

/**
 * Reads a keys file and follows its changes. When a later version cannot be used, the fault is logged and the
 * last good state stays in force.
 *
 * @param allowPlain whether upstreams may have http addresses
 * @throws KeysFileError when the file cannot be used at the start
 */
export async function watchKeys(
  path: string,
  allowPlain: boolean,
  log: { info(fields: object, message: string): void; error(fields: object, message: string): void },
  read: (path: string) => Promise<string> = (file) => readFile(file, 'utf8'),
): Promise<WatchedKeys> {
  const load = async (): Promise<KeyRing> => createKeyRing(parseKeysFile(await read(path), allowPlain));

  let seen = await markOf(path);
  if (seen === NOT_THERE) {
    throw new KeysFileError(['it is not there: `npm run keys -- create --project <name>` makes it']);
  }
  let ring = await load();
  let told = seen;
  let stopped = false;

  async function poll(): Promise<void> {
    // Taken before the file is read, so that a write during the read is noticed at the next poll.
    const mark = await markOf(path);
    if (mark !== seen && !stopped) {
      try {
        ring = await load();
        seen = mark;
        log.info({}, 'the keys file was read again');
      } catch (error) {
        // Invalid content stays invalid until the file is written again. Any other error may pass, so the
        // read is tried again.
        if (error instanceof KeysFileError) seen = mark;
        const why = error instanceof KeysFileError ? error.message : 'it cannot be read';
        if (mark !== told)
          log.error({ why }, 'the keys file has a fault; the last good state stays in force');
        told = mark;
      }
    }
    if (!stopped) timer = setTimeout(() => void poll(), POLL_MS).unref();
  }
  let timer = setTimeout(() => void poll(), POLL_MS).unref();

  return {
    holderOf: (key) => ring.holderOf(key),
    upstreamOf: (project) => ring.upstreamOf(project),
    weightOf: (project) => ring.weightOf(project),
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** A text that changes with every write and every replacement of the file. */
async function markOf(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(
    ({ ino, mtimeNs, ctimeNs, size }) => [ino, mtimeNs, ctimeNs, size].join('-'),
    () => NOT_THERE,
  );
}
