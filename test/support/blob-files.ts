import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { prefixOf } from '../../src/blobs/request-blobs.ts';

/**
 * The files of a blob store's directory, relative to it.
 *
 * @param workflowId of the workflow whose files alone are meant
 */
export async function filesIn(directory: string, workflowId?: string): Promise<string[]> {
  const prefix = workflowId === undefined ? '' : prefixOf({ namespace: 'default', workflowId });
  const entries = await readdir(join(directory, prefix), { recursive: true, withFileTypes: true }).catch(
    () => [],
  );
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
    .sort();
}
