import { open, readFile, realpath, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeyChangeError } from './edit-keys.ts';
import { EMPTY_KEYS_FILE, parseKeysFile, type KeysFile } from './keys-file.ts';

/** The mode of a newly created file. */
const MODE = 0o600;

/**
 * Changes a keys file atomically: a reader sees the file before the change or after it.
 *
 * - The new content is written to a second file, `<path>.new`, which is created exclusively. Of two changes
 *   at the same time one is refused.
 * - The second file is synced to disk before it replaces the first.
 * - The new file gets the owner, group and mode of the old one. Otherwise a service that runs as another user
 *   could not read it, would keep its last good state, and would still accept a revoked key.
 * - Where `named` is a symbolic link, the file that it points to is changed.
 *
 * @param allowPlain whether upstreams may have http addresses
 * @throws KeysFileError or KeyChangeError; the file is unchanged then
 */
export async function changeKeysFile<T extends { readonly file: KeysFile }>(
  named: string,
  change: (file: KeysFile) => T,
  allowPlain = false,
): Promise<T> {
  const path = await realpath(named).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return named;
    throw error;
  });
  const beside = `${path}.new`;
  const made = await open(beside, 'wx', MODE).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) throw new KeyChangeError(`There is no directory ${dirname(path)}.`);
    if (!hasCode(error, 'EEXIST')) throw error;
    throw new KeyChangeError(`Another change is in progress. If none is, remove ${beside}.`);
  });
  try {
    await takeOver(path, made);
    const changed = change(await readKeysFile(path, allowPlain));
    await made.writeFile(`${JSON.stringify(changed.file, null, 2)}\n`);
    await made.sync();
    await rename(beside, path);
    await syncDirectory(dirname(path));
    return changed;
  } catch (error) {
    await unlink(beside).catch(() => undefined);
    throw error;
  } finally {
    await made.close();
  }
}

/** Gives the new file the owner, group and mode of the file that it replaces. */
async function takeOver(path: string, made: FileHandle): Promise<void> {
  const old = await stat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  if (old === null) return;
  const own = await made.stat();
  // Called only when owner or group differ. Otherwise there is nothing to change that could be refused.
  if (own.uid !== old.uid || own.gid !== old.gid) {
    await made.chown(old.uid, old.gid).catch((cause: unknown) => {
      const owner = `user ${old.uid}, group ${old.gid}`;
      throw new KeyChangeError(`Only its owner (${owner}) or root can change this file.`, { cause });
    });
  }
  await made.chmod(old.mode & 0o777);
}

/**
 * Reads a keys file. A file that does not exist counts as empty.
 *
 * @throws KeysFileError
 */
export async function readKeysFile(path: string, allowPlain = false): Promise<KeysFile> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return null;
    throw error;
  });
  return text === null ? EMPTY_KEYS_FILE : parseKeysFile(text, allowPlain);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
