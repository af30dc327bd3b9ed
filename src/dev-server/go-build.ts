import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BinarySettings, canGoBuild, CLI_VERSION, type Finding } from './binary-on-disk.ts';
import { outputOf, runGroup } from './run-command.ts';

/** The Go module that pins the CLI and, through go.sum, all of its sources. */
const MODULE_DIR = fileURLToPath(new URL('./cli/', import.meta.url));
const PROGRESS_EVERY_MS = 15_000;
const NEVER = new AbortController().signal;

/**
 * Builds the CLI with Go. From an empty cache this takes five to six minutes on two cores; progress is
 * printed meanwhile.
 */
export async function buildWithGo(
  path: string,
  { progress, env, signal = NEVER }: Pick<BinarySettings, 'progress' | 'env' | 'signal'>,
): Promise<Finding> {
  const version = await outputOf('go', ['version'], env);
  if (version === null) return { missing: 'Go is not installed' };
  if (!canGoBuild(version)) return { missing: `${version.trim()} is too old (1.26.4 is needed)` };
  await mkdir(dirname(path), { recursive: true });
  // Build in a separate directory and rename the result, so that an interrupted or concurrent build never
  // leaves half a binary.
  const workDir = await mkdtemp(join(dirname(path), 'build-'));
  const startedMs = Date.now();
  const elapsed = (): string => `${Math.round((Date.now() - startedMs) / 1000)} s`;
  progress(
    `Building the Temporal CLI ${CLI_VERSION} from Go modules. This takes about six minutes, only once on this machine.`,
  );
  const timer = setInterval(() => progress(`  still building (${elapsed()}) ...`), PROGRESS_EVERY_MS);
  try {
    const built = join(workDir, 'temporal');
    const fault = await runGroup({
      command: 'go',
      args: [
        'build',
        '-trimpath',
        '-ldflags',
        '-s -w',
        '-o',
        built,
        'github.com/temporalio/cli/cmd/temporal',
      ],
      cwd: MODULE_DIR,
      env: { ...env, CGO_ENABLED: '0' },
      signal,
    });
    if (fault !== null) return { missing: `the build failed: ${fault}` };
    await rename(built, path);
    progress(`Built in ${elapsed()}.`);
    return { path };
  } finally {
    clearInterval(timer);
    await rm(workDir, { recursive: true, force: true });
  }
}
