import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, type WorkflowBundle } from '@temporalio/worker';
import manifest from '../../../package.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** `.ts` in a clone, `.js` in the installed package. */
const EXTENSION = extname(import.meta.url);

/** Path for workers, clients and the bundler. All of them must read payloads the same way. */
export const PAYLOAD_CONVERTER_PATH = besideParent('payload-converter');
/** Path of the failure converter, used if payloads are encrypted. */
export const FAILURE_CONVERTER_PATH = besideParent('failure-converter');

function besideParent(name: string): string {
  return fileURLToPath(new URL(`../${name}${EXTENSION}`, import.meta.url));
}

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

/** The files with the bundles, relative to the project's folder: plain payloads, and encrypted ones. */
export const BUNDLE_FILES = {
  plain: 'dist/workflow-bundle.json',
  encrypted: 'dist/workflow-bundle-encrypted.json',
} as const;

interface StoredBundle extends WorkflowBundle {
  /** The version of ReqRun whose workflows these are. */
  readonly version: string;
  readonly sourceHash: string;
  readonly code: string;
}

/**
 * Loads the workflow code for the worker.
 *
 * - In a clone: uses the bundle that `npm run build` (and so `npm ci`) wrote to dist. If the sources have
 *   changed since, builds a new one, which takes some seconds.
 * - In the installed package: uses the bundle of the package, because its sources are not there.
 *
 * @param encrypted whether payloads are encrypted. The bundle then includes the failure converter
 * @throws Error if the installed package has no bundle of its own version
 */
export async function loadWorkflowBundle(encrypted = false): Promise<WorkflowBundle> {
  const path = join(ROOT, encrypted ? BUNDLE_FILES.encrypted : BUNDLE_FILES.plain);
  const stored = await readStored(path);
  if (EXTENSION === '.js') return packagedBundle(stored, manifest.version, path);
  const sourceHash = await hashSources();
  if (stored?.sourceHash === sourceHash) return { code: stored.code };
  return buildWorkflowBundle(path, sourceHash, encrypted);
}

async function readStored(path: string): Promise<StoredBundle | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : JSON.parse(text);
}

/**
 * Returns the prebuilt bundle if it is of this version. Open runs would break under other workflow code.
 *
 * @throws Error if it is missing or of another version
 */
export function packagedBundle(
  stored: StoredBundle | null,
  version: string,
  path: string,
): Pick<StoredBundle, 'code'> {
  if (stored?.version === version) return { code: stored.code };
  const found = stored === null ? 'is missing' : `is of version ${stored.version}`;
  throw new Error(
    `The workflow bundle ${path} ${found}. It must be of version ${version}: install reqrun again.`,
  );
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
  const stored: StoredBundle = { version: manifest.version, sourceHash, code };
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
