import { mkdir, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BinarySettings, BinarySource } from './binary.ts';
import { CLI_VERSION } from './version.ts';

/**
 * Lets the SDK download the CLI, which it does as part of starting a server, and keeps the file. Fails at
 * once where Temporal's download site cannot be reached.
 */
export async function downloadBinary(path: string, { progress }: BinarySettings): ReturnType<BinarySource['find']> {
  const downloadDir = join(dirname(path), 'download');
  await mkdir(downloadDir, { recursive: true });
  progress(`Downloading the Temporal CLI ${CLI_VERSION} ...`);
  try {
    // Loaded only here: nothing else needs the testing package.
    const { TestWorkflowEnvironment } = await import('@temporalio/testing');
    const server = await TestWorkflowEnvironment.createLocal({
      server: { executable: { type: 'cached-download', version: `v${CLI_VERSION}`, downloadDir } },
    });
    await server.teardown();
  } catch {
    return { missing: 'it could not be downloaded' };
  }
  const [file] = await readdir(downloadDir);
  if (file === undefined) return { missing: 'the download left no file' };
  await rename(join(downloadDir, file), path);
  return { path };
}
