import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

const IMPORT = /(?:from|import) ['"](\.[^'"]+)['"]/g;

/**
 * Returns the files that a compiled file imports, and those that these import, and so on, itself included.
 * Imports in a declaration file lead to declaration files.
 *
 * @param follows whether to go on from a file
 */
export async function reachableFrom(
  file: string,
  follows: (path: string) => boolean,
): Promise<readonly string[]> {
  const extension = file.endsWith('.d.ts') ? '.d.ts' : '.js';
  const reached = new Set<string>();
  const left = [file];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (reached.has(next) || !follows(next)) continue;
    reached.add(next);
    for (const [, target = ''] of (await readFile(next, 'utf8')).matchAll(IMPORT)) {
      left.push(resolve(dirname(next), target.replace(/\.[jt]s$/, extension)));
    }
  }
  return [...reached];
}
