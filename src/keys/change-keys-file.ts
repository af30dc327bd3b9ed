import { open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EMPTY_KEYS_FILE, KeysFileError, parseKeysFile, type KeysFile } from './keys-file.ts';

/**
 * Changes a keys file as a whole: whoever reads it finds the state before or the one after. The new file is
 * made beside it, exclusively, so that of two changes at once one is refused; it reaches the disk before it
 * takes the place.
 *
 * @param allowPlain whether upstreams may have http addresses
 * @throws KeysFileError, and then nothing has changed
 */
export async function changeKeysFile<T extends { readonly file: KeysFile }>(
  path: string,
  change: (file: KeysFile) => T,
  allowPlain = false,
): Promise<T> {
  const beside = `${path}.new`;
  const made = await open(beside, 'wx', 0o600).catch((error: unknown) => {
    if (!hasCode(error, 'EEXIST')) throw error;
    throw new KeysFileError([`another change is being made; if none is, remove ${beside}`]);
  });
  try {
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

/** The file's content; a file that is not there yet has none. @throws KeysFileError */
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
