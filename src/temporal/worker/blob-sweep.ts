import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPlace } from '../../blobs/blob-format.ts';
import type { BlobStore, ListedBlob } from '../../blobs/blob-store.ts';
import { isSettled, kindOf, namespacePrefix, prefixOf } from '../../blobs/request-blobs.ts';
import { EMPTY_JOURNAL } from '../../domain/journal.ts';
import { isBlobRef } from '../../domain/raw-json.ts';
import { DELETION_TYPE, isRunMemo, MEMO_KEY, WORKFLOW_TYPE } from '../../domain/run-contract.ts';
import { orGone } from '../calls/call-budget.ts';
import { decoderOf } from '../run-state/decode.ts';
import { previousRunId } from '../run-state/previous-runs.ts';
import { isOpen } from '../run-state/read-run.ts';
import { readActivityEnd } from '../run-state/run-history.ts';

/** Dependencies of the sweep. */
export interface SweepDependencies {
  readonly client: Client;
  readonly store: BlobStore;
  /** Unix ms. */
  readonly now: () => number;
  readonly stopping: AbortSignal;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

const EVERY_MS = 60 * 60 * 1000;
/** Pause after each request, because the sweep must not take Temporal's time from callers. */
const PAUSE_MS = 20;

/**
 * Deletes blobs that no run names, at once and then every hour: those of requests that Temporal no longer knows, and
 * those that killed processes have left. Several workers may sweep the same store. Ends when the process stops.
 */
export async function sweepRegularly(dependencies: SweepDependencies): Promise<void> {
  const { stopping, log } = dependencies;
  while (!stopping.aborted) {
    try {
      const deleted = await sweepBlobs(dependencies);
      if (deleted > 0) log.info({ deleted }, 'blobs without a request deleted');
    } catch (error) {
      if (stopping.aborted) return;
      log.warn({ cause: error instanceof Error ? error.message : 'unknown' }, 'the blob sweep failed');
    }
    await sleep(EVERY_MS, undefined, { signal: stopping, ref: false }).catch(() => undefined);
  }
}

/** Sweeps once. Resolves to the number of blobs deleted. */
export async function sweepBlobs(dependencies: SweepDependencies): Promise<number> {
  const { client, store, stopping } = dependencies;
  let deleted = 0;
  let folder: ListedBlob[] = [];
  for await (const blob of store.list(namespacePrefix(client.options.namespace))) {
    if (folder[0] !== undefined && folderOf(folder[0]) !== folderOf(blob)) {
      deleted += await sweepRequest(dependencies, folder);
      folder = [];
    }
    folder.push(blob);
    if (stopping.aborted) return deleted;
  }
  return deleted + (await sweepRequest(dependencies, folder));
}

function folderOf({ name }: ListedBlob): string {
  return name.slice(0, name.lastIndexOf('/') + 1);
}

/** Sweeps the blobs of one request. Resolves to the number of blobs deleted. */
async function sweepRequest(
  { client, store, now, stopping, log }: SweepDependencies,
  blobs: readonly ListedBlob[],
): Promise<number> {
  const settled = blobs.filter((blob) => isSettled(blob, now()));
  if (settled.length === 0) return 0;
  const named = await namedIn(client, store, blobs, stopping).catch((error: unknown) => {
    // A blob is kept if anything about it is unclear, such as a missing encryption key.
    log.warn({ cause: error instanceof Error ? error.message : 'unknown' }, 'blobs of a request not swept');
    return 'all' as const;
  });
  const orphans = settled.filter(
    ({ name }) => kindOf(name) === null || (named !== 'all' && !named.has(name)),
  );
  for (const { name } of orphans) await store.delete(name);
  await sleep(PAUSE_MS);
  return orphans.length;
}

type Named = ReadonlySet<string> | 'all';

async function namedIn(
  client: Client,
  store: BlobStore,
  blobs: readonly ListedBlob[],
  signal: AbortSignal,
): Promise<Named> {
  const text = blobs.find(({ name }) => kindOf(name) !== null);
  if (text === undefined) return 'all';
  const place = await readPlace(store.get(text.name, signal));
  if (place === null || prefixOf(place) !== folderOf(text)) return 'all';
  return namedBlobs(client, place.workflowId);
}

/** The blobs that the runs of a workflow id name. `all` = a run is open, and may come to name any. */
async function namedBlobs(client: Client, workflowId: string): Promise<Named> {
  const named = new Set<string>();
  const decoder = decoderOf(client, workflowId);
  let run: WorkflowExecutionDescription | null = await orGone(
    client.workflow.getHandle(workflowId).describe(),
  );
  while (run !== null) {
    if (run.type === DELETION_TYPE || isOpen(run)) return 'all';
    const memo = run.memo?.[MEMO_KEY];
    if (run.type !== WORKFLOW_TYPE || !isRunMemo(memo)) return named;
    if (memo.body_blob !== undefined) named.add(memo.body_blob);
    const { runId } = run;
    const end = await readActivityEnd(client, decoder, { workflowId, runId }, EMPTY_JOURNAL);
    if (end.kind === 'completed' && isBlobRef(end.result)) named.add(end.result.blob);
    const before = await previousRunId(client, run);
    run = before === null ? null : await orGone(client.workflow.getHandle(workflowId, before).describe());
  }
  return named;
}
