import { join, resolve } from 'node:path';
import {
  type BinarySettings,
  CLI_VERSION,
  findCached,
  type Finding,
  findOnPath,
  judgeFile,
} from './binary-on-disk.ts';
import { cliSource } from './cli-release.ts';
import { downloadBinary } from './download.ts';
import { buildWithGo } from './go-build.ts';

/** One way to get a Temporal CLI. */
export interface BinarySource {
  readonly name: string;
  /** Whether it takes longer than a second. */
  readonly isSlow: boolean;
  find(): Promise<Finding>;
}

/**
 * The sources in order of preference: PATH, the cache, a download, a build from Go modules. If
 * REQRUN_TEMPORAL_CLI_URL names a file, that file alone.
 */
export function binarySources(settings: BinarySettings): readonly BinarySource[] {
  const { env, cacheDir, cliUrl } = settings;
  const cachedPath = join(resolve(cacheDir), `temporal-${CLI_VERSION}`);
  const source = cliSource(cliUrl);
  if (source !== null && 'path' in source) {
    const find = (): Promise<Finding> => judgeFile(resolve(source.path), env);
    return [{ name: 'the file of REQRUN_TEMPORAL_CLI_URL', isSlow: false, find }];
  }
  const download = async (): Promise<Finding> =>
    source === null
      ? { missing: 'Temporal publishes none for this system and processor' }
      : downloadBinary(cachedPath, source, settings);
  return [
    { name: 'temporal on PATH', isSlow: false, find: () => findOnPath(env) },
    { name: 'the cache', isSlow: false, find: () => findCached(cachedPath, env) },
    {
      name: cliUrl === null ? 'a download' : 'a download from REQRUN_TEMPORAL_CLI_URL',
      isSlow: true,
      find: download,
    },
    { name: 'a build from Go modules', isSlow: true, find: () => buildWithGo(cachedPath, settings) },
  ];
}

/** No source had a binary. The message lists each source with its reason, and the ways out. */
export class NoBinaryError extends Error {
  constructor(tried: readonly string[]) {
    super(
      `No Temporal server could be found to embed:\n${tried.map((line) => `- ${line}`).join('\n')}\n` +
        'Install the Temporal CLI (or Go 1.26.4), or set REQRUN_TEMPORAL_CLI_URL to a mirror or to the path ' +
        'of a copy, or set TEMPORAL_ADDRESS to a running Temporal server.',
    );
    this.name = 'NoBinaryError';
  }
}

/** A binary and the source that had it. */
export interface FoundBinary {
  readonly path: string;
  readonly source: string;
}

/**
 * Returns the binary of the first source that has one. A source that throws counts as having none. Before a
 * slow source, reports what was tried.
 *
 * @throws NoBinaryError if no source has one; the signal's reason if it is aborted
 */
export async function findBinary(
  sources: readonly BinarySource[],
  { signal, progress }: { readonly signal?: AbortSignal; readonly progress?: (line: string) => void } = {},
): Promise<FoundBinary> {
  const tried: string[] = [];
  let reported = 0;
  for (const { name, isSlow, find } of sources) {
    signal?.throwIfAborted();
    if (isSlow) {
      for (const line of tried.slice(reported)) progress?.(`No Temporal CLI: ${line}`);
      reported = tried.length;
    }
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
export function findTemporalBinary(settings: BinarySettings): Promise<FoundBinary> {
  return findBinary(binarySources(settings), settings);
}
