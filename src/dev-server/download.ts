import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BinarySettings, CLI_VERSION, findCached, type Finding } from './binary-on-disk.ts';
import { runGroup } from './run-command.ts';

const ENTRY_PATH = fileURLToPath(new URL('./download-entry.ts', import.meta.url));
/** The SDK creates the file it writes to once the site has answered; without one the site is away. */
const FIRST_BYTE_MS = 15_000;
const WHOLE_MS = 300_000;

/**
 * Lets the SDK download the CLI, which it does as part of starting a server, and keeps the file. In a process
 * of its own, because the SDK's download has no time limit and its server prints to the terminal.
 */
export async function downloadBinary(
  path: string,
  { progress, env, signal }: Omit<BinarySettings, 'cacheDir'>,
): Promise<Finding> {
  await mkdir(dirname(path), { recursive: true });
  // A directory for each try: a second process, or the remains of a broken one, cannot be in the way.
  const workDir = await mkdtemp(join(dirname(path), 'download-'));
  const limit = new AbortController();
  const whole = setTimeout(() => limit.abort(), WHOLE_MS);
  const firstByte = setTimeout(() => {
    void readdir(workDir).then((files) => files.length === 0 && limit.abort());
  }, FIRST_BYTE_MS);
  progress(`Downloading the Temporal CLI ${CLI_VERSION} ...`);
  try {
    const fault = await runGroup({
      command: process.execPath,
      args: [ENTRY_PATH, `v${CLI_VERSION}`, workDir],
      cwd: dirname(ENTRY_PATH),
      env,
      signal: signal === undefined ? limit.signal : AbortSignal.any([signal, limit.signal]),
    });
    // The file counts, not the server that was to be started from it.
    const file = (await readdir(workDir)).find((name) => !name.endsWith('.downloading'));
    if (file === undefined) return { missing: `it could not be downloaded: ${fault ?? 'no file was left'}` };
    const found = await findCached(join(workDir, file), env);
    if ('missing' in found) return found;
    await rename(found.path, path);
    return { path };
  } finally {
    clearTimeout(whole);
    clearTimeout(firstByte);
    await rm(workDir, { recursive: true, force: true });
  }
}
