import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A name that stays with a data directory. Worker identities carry it: whoever holds the directory's lock knows
 * that every other worker of this name is dead.
 */
export async function directoryId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'directory-id');
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (/^[0-9a-f]{16}$/.test(kept)) return kept;
  const id = randomBytes(8).toString('hex');
  await writeFile(`${path}.new`, id);
  await rename(`${path}.new`, path);
  return id;
}
