import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describeProxy, proxyFor } from '../domain/proxy.ts';
import { type BinarySettings, CLI_VERSION, findCached, type Finding } from './binary-on-disk.ts';
import { checksumOf, type CliArchive } from './cli-release.ts';
import {
  downloadFile,
  downloadText,
  type HttpSettings,
  HttpStatusError,
  innermostReason,
} from './http-file.ts';
import { runGroup } from './run-command.ts';

/** Time for each step up to the first byte. Without one by then, the server counts as unreachable. */
const FIRST_BYTE_MS = 15_000;
const WHOLE_MS = 600_000;
const PROGRESS_EVERY_MS = 5_000;

/**
 * Downloads the Temporal CLI to a path: an archive, checked against the published SHA-256 and unpacked.
 * Temporal's own release must have a checksum; a mirror may have none.
 *
 * @param firstByteMs for tests that cannot wait for 15 s
 */
export async function downloadBinary(
  path: string,
  archive: CliArchive,
  settings: BinarySettings,
  firstByteMs = FIRST_BYTE_MS,
): Promise<Finding> {
  const { progress, env, proxies } = settings;
  const limit = AbortSignal.timeout(WHOLE_MS);
  const signal = settings.signal === undefined ? limit : AbortSignal.any([settings.signal, limit]);
  const http: HttpSettings = { proxies, firstByteMs, signal };
  await mkdir(dirname(path), { recursive: true });
  // Each try has its own directory, so that a second process or the remains of an interrupted try cannot
  // interfere.
  const workDir = await mkdtemp(join(dirname(path), 'download-'));
  const proxy = proxyFor(archive.url, proxies);
  const through = proxy === null ? '' : ` through the proxy ${describeProxy(proxy)}`;
  progress(`Downloading the Temporal CLI ${CLI_VERSION} from ${archive.url}${through} ...`);
  try {
    const expected = await expectedChecksum(archive, http);
    const file = join(workDir, 'archive');
    const actual = await downloadFile(archive, file, http, everyFewSeconds(progress));
    if (expected !== null && expected !== actual) {
      return { missing: `the checksum of ${archive.url} is ${actual}, but ${expected} is published` };
    }
    progress(
      expected === null
        ? `Downloaded. It is not verified, because there is no ${archive.checksumsUrl}.`
        : 'Downloaded; the checksum is the published one.',
    );
    const fault = await runGroup({ command: 'tar', args: ['-xzf', file], cwd: workDir, env, signal });
    if (fault !== null) return { missing: `${archive.url} cannot be unpacked: ${fault}` };
    const name = (await readdir(workDir)).find((one) => /^temporal(?:\.exe)?$/.test(one));
    if (name === undefined) return { missing: `${archive.url} holds no file named temporal` };
    await chmod(join(workDir, name), 0o755);
    const found = await findCached(join(workDir, name), env);
    if ('missing' in found) return found;
    await rename(found.path, path);
    return { path };
  } catch (error) {
    return { missing: `${archive.url} cannot be downloaded${through}: ${innermostReason(error)}` };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Null = a mirror without the list of sums. */
async function expectedChecksum(
  { checksumsUrl, url, authorization, isOfficial }: CliArchive,
  http: HttpSettings,
): Promise<string | null> {
  const list = await downloadText({ url: checksumsUrl, authorization }, http).catch((error: unknown) => {
    if (!isOfficial && error instanceof HttpStatusError && [403, 404].includes(error.status)) return null;
    throw error;
  });
  if (list === null) return null;
  const name = basename(new URL(url).pathname);
  const sum = checksumOf(list, name);
  if (sum === null) throw new Error(`${checksumsUrl} does not name ${name}`);
  return sum;
}

function everyFewSeconds(progress: (line: string) => void): (done: number, all: number | null) => void {
  let nextMs = Date.now() + PROGRESS_EVERY_MS;
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
  return (done, all) => {
    if (Date.now() < nextMs) return;
    nextMs = Date.now() + PROGRESS_EVERY_MS;
    progress(`  ${megabytes(done)}${all === null ? '' : ` of ${megabytes(all)}`} MB ...`);
  };
}
