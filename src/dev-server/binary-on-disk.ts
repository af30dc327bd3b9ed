import { access, constants } from 'node:fs/promises';
import { delimiter, resolve } from 'node:path';
import type { ProxySettings } from '../domain/proxy.ts';
import { type Env, outputOf } from './run-command.ts';

/** The path of a binary, or the reason why there is none. */
export type Finding = { readonly path: string } | { readonly missing: string };

/** Settings of the search for a binary, and of a download or build. */
export interface BinarySettings {
  /** Must be outside node_modules, because `npm ci` empties that. */
  readonly cacheDir: string;
  /** Prints one line for a person. Called for steps that take longer than a second. */
  readonly progress: (line: string) => void;
  /**
   * Environment for the search on PATH. The commands that are run get the variables that `childEnv` allows.
   */
  readonly env: Env;
  /** What REQRUN_TEMPORAL_CLI_URL names: a mirror or a path. Null = Temporal's own release. */
  readonly cliUrl: string | null;
  /** The proxies of a download. */
  readonly proxies: ProxySettings;
  /** Aborts a download or build. The search then throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Finds the first `temporal` on PATH. It counts only if its server is recent enough. */
export async function findOnPath(env: Env): Promise<Finding> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    if (dir === '') continue;
    const path = resolve(dir, 'temporal');
    if (await isExecutable(path)) return judge(path, env);
  }
  return { missing: 'not found' };
}

/** Finds the binary that an earlier start cached. A file that cannot be run counts as missing. */
export async function findCached(path: string, env: Env): Promise<Finding> {
  return (await isExecutable(path)) ? judge(path, env) : { missing: `nothing at ${path}` };
}

/** Judges a file that an operator names. */
export async function judgeFile(path: string, env: Env): Promise<Finding> {
  return (await isExecutable(path)) ? judge(path, env) : { missing: `${path} is no executable file` };
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

/** Version of the Temporal CLI to cache, download or build. Must equal the version in `cli/go.mod`. */
export const CLI_VERSION = '1.8.2';
/** The oldest server with every feature ReqRun needs (eager starts, priorities, reset activities). */
const OLDEST_SERVER = [1, 31, 0] as const;
/** The oldest Go that downloads the newer toolchain named in `cli/go.mod` by itself. */
const OLDEST_GO = [1, 21, 0] as const;

/**
 * Whether the output of `temporal --version` names a recent enough server. Checks the server's version,
 * because a CLI built with Go reports its own version as DEV.
 */
export function isRecentEnough(versionOutput: string): boolean {
  return isAtLeast(/Server (\d+)\.(\d+)(?:\.(\d+))?/.exec(versionOutput), OLDEST_SERVER);
}

/**
 * Whether the Go of this `go version` output can build the CLI, by itself or with a toolchain that it
 * downloads.
 */
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
