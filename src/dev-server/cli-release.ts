import { arch, platform } from 'node:process';
import { CLI_VERSION } from './binary-on-disk.ts';

/** Where the Temporal CLI comes from if it is neither on PATH nor in the cache. */
export type CliSource =
  /** A file that the operator names. Nothing else is tried. */
  { readonly path: string } | CliArchive;

/** An archive with the CLI, on a server. */
export interface CliArchive {
  /** Without credentials, because it is printed. */
  readonly url: string;
  /** Value of the header `Authorization`. Null = none. */
  readonly authorization: string | null;
  /** Address of the list of SHA-256 sums, as Temporal publishes it beside its archives. */
  readonly checksumsUrl: string;
  /** False = a mirror, which need not have the list. */
  readonly isOfficial: boolean;
}

/** The folder of the release: archives, and `checksums.txt`. */
const RELEASE = `https://github.com/temporalio/cli/releases/download/v${CLI_VERSION}/`;
/** Temporal's names of systems and processors, by Node's. */
const SYSTEMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };
const PROCESSORS: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * Returns the source that REQRUN_TEMPORAL_CLI_URL names.
 *
 * - null: Temporal's own release.
 * - An http or https URL that ends with `/`: a folder with the files of the release.
 * - Another http or https URL: an archive. `checksums.txt` may be beside it.
 * - Anything else: the path of an executable.
 *
 * @returns null if Temporal publishes no archive for this machine
 */
export function cliSource(
  named: string | null,
  machine: { readonly system: string; readonly processor: string } = { system: platform, processor: arch },
): CliSource | null {
  if (named !== null && !/^https?:/i.test(named)) return { path: named };
  const url = new URL(named ?? RELEASE);
  const authorization = authorizationOf(url);
  url.username = '';
  url.password = '';
  if (url.pathname.endsWith('/')) {
    const system = SYSTEMS[machine.system];
    const processor = PROCESSORS[machine.processor];
    if (system === undefined || processor === undefined) return null;
    url.pathname += `temporal_cli_${CLI_VERSION}_${system}_${processor}.tar.gz`;
  }
  const checksumsUrl = new URL('checksums.txt', url).href;
  return { url: url.href, authorization, checksumsUrl, isOfficial: named === null };
}

function authorizationOf({ username, password }: URL): string | null {
  if (username === '') return null;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** Returns the sum of a file in a list of sums, in lower-case hex. Null if the list does not name the file. */
export function checksumOf(list: string, file: string): string | null {
  for (const line of list.split('\n')) {
    const [, sum, name] = /^([0-9a-f]{64})\s+\*?(\S+)\s*$/i.exec(line) ?? [];
    if (sum !== undefined && name === file) return sum.toLowerCase();
  }
  return null;
}
