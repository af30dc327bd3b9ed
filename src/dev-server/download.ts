import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BinarySettings, CLI_VERSION, findCached, type Finding } from './binary-on-disk.ts';
import { runGroup } from './run-command.ts';

const ENTRY_PATH = fileURLToPath(new URL('./download-entry.ts', import.meta.url));
/**
 * How long to wait for the first byte. The SDK creates its file once the site has answered. Without a file by
 * then, the site counts as unreachable.
 */
const FIRST_BYTE_MS = 15_000;
const WHOLE_MS = 300_000;

/**
 * Has the SDK download the CLI, and keeps the file. The SDK downloads it as part of starting a server. This
 * runs in a separate process, because the SDK's download has no time limit and its server prints to the
 * terminal.
 */
export async function downloadBinary(
  path: string,
  { progress, env, signal }: Omit<BinarySettings, 'cacheDir'>,
): Promise<Finding> {
  await mkdir(dirname(path), { recursive: true });
  // Each try has its own directory, so that a second process or the remains of an interrupted try cannot
  // interfere.
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
    // Success depends on the file. Whether the SDK could start a server from it does not matter.
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
