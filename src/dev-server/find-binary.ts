import { join, resolve } from 'node:path';
import { CLI_VERSION, findCached, findOnPath, type Finding, type BinarySettings } from './binary-on-disk.ts';
import { downloadBinary } from './download.ts';
import { buildWithGo } from './go-build.ts';

/** One way to get a Temporal CLI. */
export interface BinarySource {
  readonly name: string;
  find(): Promise<Finding>;
}

/** The sources in order of preference: PATH, the cache, the SDK's download, a build from Go modules. */
export function binarySources(settings: BinarySettings): readonly BinarySource[] {
  const cachedPath = join(resolve(settings.cacheDir), `temporal-${CLI_VERSION}`);
  return [
    { name: 'temporal on PATH', find: () => findOnPath(settings.env) },
    { name: 'the cache', find: () => findCached(cachedPath, settings.env) },
    { name: "the SDK's download", find: () => downloadBinary(cachedPath, settings) },
    { name: 'a build from Go modules', find: () => buildWithGo(cachedPath, settings) },
  ];
}

/** No source had a binary. The message lists each source with its reason, and the ways out. */
export class NoBinaryError extends Error {
  constructor(tried: readonly string[]) {
    super(
      `No Temporal server could be found to embed:\n${tried.map((line) => `- ${line}`).join('\n')}\n` +
        'Install the Temporal CLI (or Go 1.26.4), or set TEMPORAL_ADDRESS to a running Temporal server.',
    );
    this.name = 'NoBinaryError';
  }
}

/**
 * Returns the binary of the first source that has one. A source that throws counts as having none.
 *
 * @throws NoBinaryError if no source has one; the signal's reason if it is aborted
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

/**
 * Finds the Temporal CLI in the usual order.
 *
 * @throws as {@link findBinary}
 */
export function findTemporalBinary(settings: BinarySettings): Promise<{ path: string; source: string }> {
  return findBinary(binarySources(settings), settings.signal);
}
