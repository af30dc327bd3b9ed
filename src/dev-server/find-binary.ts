import { join, resolve } from 'node:path';
import { CLI_VERSION, findCached, findOnPath, type Finding, type BinarySettings } from './binary-on-disk.ts';
import { downloadBinary } from './download.ts';
import { buildWithGo } from './go-build.ts';

/** One way to come by a Temporal CLI. */
export interface BinarySource {
  readonly name: string;
  find(): Promise<Finding>;
}

/** On PATH, cached, the SDK's own download, built from Go modules: in this order. */
export function binarySources(settings: BinarySettings): readonly BinarySource[] {
  const cachedPath = join(resolve(settings.cacheDir), `temporal-${CLI_VERSION}`);
  return [
    { name: 'temporal on PATH', find: () => findOnPath(settings.env) },
    { name: 'the cache', find: () => findCached(cachedPath, settings.env) },
    { name: "the SDK's download", find: () => downloadBinary(cachedPath, settings) },
    { name: 'a build from Go modules', find: () => buildWithGo(cachedPath, settings) },
  ];
}

/** No source had a binary: what was tried, each with its reason, and the ways out. */
export class NoBinaryError extends Error {
  constructor(tried: readonly string[]) {
    super(
      `There is no Temporal server to embed:\n${tried.map((line) => `- ${line}`).join('\n')}\n` +
        'Install the Temporal CLI (or Go 1.26.4), or set TEMPORAL_ADDRESS to a Temporal server that runs.',
    );
    this.name = 'NoBinaryError';
  }
}

/**
 * The first source that has a binary; a source that throws counts as one that has none.
 *
 * @throws NoBinaryError when none has; the signal's reason when it is aborted
 */
export async function findBinary(
  sources: readonly BinarySource[],
  signal?: AbortSignal,
): Promise<{ path: string; source: string }> {
  const tried: string[] = [];
  for (const { name, find } of sources) {
    signal?.throwIfAborted();
    const found = await find().catch((error: unknown): Finding => ({ missing: String(error) }));
    if ('path' in found) return { path: found.path, source: name };
    tried.push(`${name}: ${found.missing}`);
  }
  signal?.throwIfAborted();
  throw new NoBinaryError(tried);
}

/** Finds the Temporal CLI in the usual order. @throws as `findBinary` */
export function findTemporalBinary(settings: BinarySettings): Promise<{ path: string; source: string }> {
  return findBinary(binarySources(settings), settings.signal);
}
