import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Path for workers, clients and the bundler. All of them must read payloads the same way. */
export const PAYLOAD_CONVERTER_PATH = fileURLToPath(new URL('../payload-converter.ts', import.meta.url));
/** Path of the failure converter, used if payloads are encrypted. */
export const FAILURE_CONVERTER_PATH = fileURLToPath(new URL('../failure-converter.ts', import.meta.url));

const WORKFLOWS_PATH = join(ROOT, 'workflows', 'index.ts');

/** Sources that determine the bundle. A change in any of them makes a prebuilt bundle stale. */
const SOURCES = [
  'workflows',
  'src/domain',
  'src/temporal/payload-converter.ts',
  'src/temporal/failure-converter.ts',
  'src/temporal/worker/workflow-bundle.ts',
  'package-lock.json',
];

interface StoredBundle extends WorkflowBundle {
  readonly sourceHash: string;
  readonly code: string;
}

/**
 * Loads the workflow code for the worker. Uses the bundle that `npm run build` (and so `npm ci`) wrote to
 * dist. If the sources have changed since, builds a new one, which takes some seconds.
 *
 * @param encrypted whether payloads are encrypted. The bundle then includes the failure converter
 */
export async function loadWorkflowBundle(encrypted = false): Promise<WorkflowBundle> {
  const sourceHash = await hashSources();
  const path = join(ROOT, 'dist', encrypted ? 'workflow-bundle-encrypted.json' : 'workflow-bundle.json');
  const stored = await readFile(path, 'utf8').catch(() => null);
  if (stored !== null) {
    const bundle: StoredBundle = JSON.parse(stored);
    if (bundle.sourceHash === sourceHash) return { code: bundle.code };
  }
  return buildWorkflowBundle(path, sourceHash, encrypted);
}

async function buildWorkflowBundle(
  path: string,
  sourceHash: string,
  encrypted: boolean,
): Promise<WorkflowBundle> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS_PATH,
    // Loads one copy of these modules for all runs instead of one copy each. This is safe because no module
    // of ours keeps state of a run.
    preloadModules: [WORKFLOWS_PATH, PAYLOAD_CONVERTER_PATH, ...(encrypted ? [FAILURE_CONVERTER_PATH] : [])],
    payloadConverterPath: PAYLOAD_CONVERTER_PATH,
    ...(encrypted ? { failureConverterPath: FAILURE_CONVERTER_PATH } : {}),
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} },
  });
  const stored: StoredBundle = { sourceHash, code };
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, JSON.stringify(stored));
  await rename(temporary, path);
  return { code };
}

async function hashSources(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    for (const file of await filesOf(join(ROOT, source)))
      hash.update(file.slice(ROOT.length)).update(await readFile(file));
  }
  return hash.digest('hex');
}

async function filesOf(path: string): Promise<string[]> {
  if (/\.\w+$/.test(path)) return [path];
  const names = await readdir(path, { recursive: true });
  return names
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(path, name));
}
