import { access, constants } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import { type Env, outputOf } from './run-command.ts';

/** The path of a binary, or why there is none. */
export type Finding = { readonly path: string } | { readonly missing: string };

/** Where a binary is looked for, and what a download or a build needs. */
export interface BinarySettings {
  /** Outside node_modules, which `npm ci` empties. */
  readonly cacheDir: string;
  /** One line for a person, where something takes longer than a second. */
  readonly progress: (line: string) => void;
  /** For the search on PATH and, as far as `childEnv` lets it through, for the commands that are run. */
  readonly env: Env;
  /** Ends a download or a build; the search then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The first `temporal` on PATH, if its server is recent enough. */
export async function findOnPath(env: Env): Promise<Finding> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    if (dir === '') continue;
    const path = resolve(dir, 'temporal');
    if (await isExecutable(path)) return judge(path, env);
  }
  return { missing: 'not found' };
}

/** The binary an earlier start left; one that cannot be run counts as none. */
export async function findCached(path: string, env: Env): Promise<Finding> {
  return (await isExecutable(path)) ? judge(path, env) : { missing: `nothing at ${path}` };
}

async function judge(path: string, env: Env): Promise<Finding> {
  const version = await outputOf(path, ['--version'], env);
  if (version === null) return { missing: `${path} cannot be run` };
  return isRecentEnough(version) ? { path } : { missing: `${path} is too old (its server is below 1.31)` };
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The Temporal CLI that is cached, downloaded or built; `cli/go.mod` pins the same. */
export const CLI_VERSION = '1.8.2';
/** The oldest server with everything that is relied on (eager starts, priorities, reset activities). */
const OLDEST_SERVER = [1, 31, 0] as const;
/** The oldest Go that fetches by itself the newer toolchain that `cli/go.mod` asks for. */
const OLDEST_GO = [1, 21, 0] as const;

/** Whether `temporal --version` speaks of a server that is recent enough. A CLI built from Go says DEV of itself. */
export function isRecentEnough(versionOutput: string): boolean {
  return isAtLeast(/Server (\d+)\.(\d+)(?:\.(\d+))?/.exec(versionOutput), OLDEST_SERVER);
}

/** Whether the Go of `go version` can build the CLI, by itself or with the toolchain it fetches. */
export function canGoBuild(versionOutput: string): boolean {
  return isAtLeast(/go(\d+)\.(\d+)(?:\.(\d+))?/.exec(versionOutput), OLDEST_GO);
}

function isAtLeast(found: RegExpExecArray | null, least: readonly number[]): boolean {
  if (found === null) return false;
  for (const [index, wanted] of least.entries()) {
    const part = Number(found[index + 1] ?? 0);
    if (part !== wanted) return part > wanted;
  }
  return true;
}
