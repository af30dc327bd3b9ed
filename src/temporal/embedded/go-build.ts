import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { BinarySettings, BinarySource } from './binary.ts';
import { outputOf } from './run-command.ts';
import { CLI_VERSION } from './version.ts';

/** The Go module that pins the CLI and, by go.sum, every line of what it is built from. */
const MODULE_DIR = fileURLToPath(new URL('./cli/', import.meta.url));
const PROGRESS_EVERY_MS = 15_000;

/** Builds the CLI with Go: five to six minutes on two cores from an empty cache, said as it goes. */
export async function buildWithGo(path: string, { progress, env }: BinarySettings): ReturnType<BinarySource['find']> {
  if ((await outputOf('go', ['version'])) === null) return { missing: 'Go is not installed' };
  await mkdir(dirname(path), { recursive: true });
  // Built aside and renamed, so that a broken build, or a second one, never leaves half a binary.
  const workDir = await mkdtemp(join(dirname(path), 'build-'));
  const startedMs = Date.now();
  progress(`Building the Temporal CLI ${CLI_VERSION} from Go modules: about six minutes, once on this machine.`);
  const timer = setInterval(() => {
    progress(`  still building (${Math.round((Date.now() - startedMs) / 1000)} s) ...`);
  }, PROGRESS_EVERY_MS);
  try {
    const built = join(workDir, 'temporal');
    const fault = await goBuild(built, env);
    if (fault !== null) return { missing: `the build failed: ${fault}` };
    await rename(built, path);
    progress(`Built in ${Math.round((Date.now() - startedMs) / 1000)} s.`);
    return { path };
  } finally {
    clearInterval(timer);
    await rm(workDir, { recursive: true, force: true });
  }
}

/** Null, or the end of what the compiler said. */
async function goBuild(output: string, env: BinarySettings['env']): Promise<string | null> {
  const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', output, 'github.com/temporalio/cli/cmd/temporal'];
  const go = spawn('go', args, {
    cwd: MODULE_DIR,
    env: { ...env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [said, [code]] = await Promise.all([text(go.stderr), once(go, 'close')]);
  return code === 0 ? null : said.trim().split('\n').slice(-3).join(' ').slice(-300);
}
