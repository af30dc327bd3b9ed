import { createHash } from 'node:crypto';
import type { BlobPlace } from './blob-format.ts';
import type { BlobStore, ListedBlob } from './blob-store.ts';

/**
 * The names of a request's blobs: namespace, SHA-256 of the workflow id, kind and random characters. No two requests
 * share a blob, so nothing counts references.
 */

/** What a text is to its request. */
export type TextKind = 'body' | 'result';

/** The common beginning of the names of a workflow's blobs. */
export function prefixOf({ namespace, workflowId }: BlobPlace): string {
  const hash = createHash('sha256').update(workflowId).digest('hex');
  return `${namespacePrefix(namespace)}${hash}/`;
}

/** The common beginning of the names of a namespace's blobs. */
export function namespacePrefix(namespace: string): string {
  return `${encodeURIComponent(namespace)}/`;
}

/** The kind of a blob, from its name. Null = it is no text of a request. */
export function kindOf(name: string): TextKind | null {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return last.startsWith('body-') ? 'body' : last.startsWith('result-') ? 'result' : null;
}

/** A blob is younger than this for as long as the POST that stored it, or the worker, may still come to name it. */
export const SETTLED_MS = 60 * 60 * 1000;

/**
 * Deletes the texts of a request whose runs are being deleted. A body that none of the runs names may belong to a POST
 * whose start is still in line, so it stays until it is {@link SETTLED_MS} old; the sweep deletes it then.
 *
 * @param named the blobs that the runs name
 * @throws BlobStoreError
 */
export async function deleteRequestBlobs(
  store: BlobStore,
  place: BlobPlace,
  named: ReadonlySet<string>,
  nowMs: number,
): Promise<void> {
  for await (const blob of store.list(prefixOf(place))) {
    const mayBeNamed = kindOf(blob.name) !== 'result' && !named.has(blob.name) && !isSettled(blob, nowMs);
    if (!mayBeNamed) await store.delete(blob.name);
  }
}

/** Whether nothing will come to name a blob that nothing names. */
export function isSettled({ modifiedMs }: ListedBlob, nowMs: number): boolean {
  return nowMs - modifiedMs > SETTLED_MS;
}
