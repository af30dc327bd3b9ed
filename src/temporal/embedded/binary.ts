import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { buildWithGo } from './go-build.ts';
import { downloadBinary } from './download.ts';
import { outputOf } from './run-command.ts';
import { CLI_VERSION, isRecentEnough } from './version.ts';

/** One way to come by a Temporal CLI: the path of a binary, or why there is none. */
export interface BinarySource {
  readonly name: string;
  find(): Promise<{ readonly path: string } | { readonly missing: string }>;
}

export interface BinarySettings {
  /** Outside node_modules, which `npm ci` empties. */
  readonly cacheDir: string;
  /** One line for a person, where something takes longer than a second. */
  readonly progress: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** On PATH, cached, the SDK's own download, built from Go modules: in this order. */
export function binarySources(settings: BinarySettings): readonly BinarySource[] {
  const cachedPath = join(settings.cacheDir, `temporal-${CLI_VERSION}`);
  return [
    { name: 'temporal on PATH', find: findOnPath },
    { name: 'the cache', find: () => findCached(cachedPath) },
    { name: "the SDK's download", find: () => downloadBinary(cachedPath, settings) },
    { name: 'a build from Go modules', find: () => buildWithGo(cachedPath, settings) },
  ];
}

/** The first source that has a binary. @throws Error naming every way that was tried, and the ways out. */
export async function findBinary(sources: readonly BinarySource[]): Promise<{ path: string; source: string }> {
  const tried: string[] = [];
  for (const { name, find } of sources) {
    const found = await find();
    if ('path' in found) return { path: found.path, source: name };
    tried.push(`- ${name}: ${found.missing}`);
  }
  throw new Error(
    `There is no Temporal server to embed:\n${tried.join('\n')}\n` +
      'Install the Temporal CLI (or Go 1.26.4), or set TEMPORAL_ADDRESS to a Temporal server that runs.',
  );
}

async function findOnPath(): ReturnType<BinarySource['find']> {
  const version = await outputOf('temporal', ['--version']);
  if (version === null) return { missing: 'not found' };
  return isRecentEnough(version) ? { path: 'temporal' } : { missing: 'too old (its server is below 1.31)' };
}

async function findCached(path: string): ReturnType<BinarySource['find']> {
  const executable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!executable || (await outputOf(path, ['--version'])) === null) return { missing: `nothing at ${path}` };
  return { path };
}
