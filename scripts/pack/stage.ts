import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { BUNDLE_FILES, loadWorkflowBundle } from '../../src/temporal/worker/workflow-bundle.ts';
import { ROOT } from '../pages.ts';
import { clientManifest, CloneManifest, type Manifest, serverManifest } from './manifests.ts';
import { plainTypes } from './plain-types.ts';
import { portableBundle } from './portable-bundle.ts';
import { reachableFrom } from './reachable.ts';

const run = promisify(execFile);

/** The folders of the staged packages. */
export interface Staged {
  readonly server: string;
  readonly client: string;
}

/**
 * Writes the content of both packages: compiled code, the typed client's declarations, the workflow bundles
 * and the generated manifests.
 *
 * @param out an absolute path; the folder is emptied first
 * @throws Error if the sources do not compile
 */
export async function stagePackages(out: string): Promise<Staged> {
  await rm(out, { recursive: true, force: true });
  const server = join(out, 'reqrun');
  const client = join(out, 'client');
  const built = join(out, 'built');
  await compile('tsconfig.package.json', server);
  await compile('tsconfig.build.json', built);
  const manifest = CloneManifest.parse(JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')));
  const declarations = await clientDeclarations(built);
  await stageServer(server, declarations, serverManifest(manifest));
  await stageClient(client, built, declarations, clientManifest(manifest));
  await rm(built, { recursive: true });
  return { server, client };
}

async function compile(project: string, out: string): Promise<void> {
  const tsc = `${ROOT}node_modules/typescript/bin/tsc`;
  await run(process.execPath, [tsc, '-p', ROOT + project, '--outDir', out]);
}

/** Declarations of the typed client, by their path below `src`. */
type Declarations = ReadonlyMap<string, string>;

async function clientDeclarations(built: string): Promise<Declarations> {
  const texts = new Map<string, string>();
  for (const file of await reachableFrom(join(built, 'client/index.d.ts'), (path) =>
    path.includes('/client/'),
  )) {
    texts.set(file.slice(built.length + 1), await readFile(file, 'utf8'));
  }
  for (const [module, text] of await plainTypes(join(built, 'client'))) texts.set(`${module}.d.ts`, text);
  // The compiler leaves the extensions of the sources in declarations.
  return new Map([...texts].map(([path, text]) => [path, text.replace(/(from '\.[^']+)\.ts'/g, "$1.js'")]));
}

async function stageServer(folder: string, declarations: Declarations, manifest: Manifest): Promise<void> {
  for (const [path, text] of declarations) await write(join(folder, 'src', path), text);
  // The module that pins the Temporal CLI, for a build with Go.
  await cp(`${ROOT}src/dev-server/cli`, join(folder, 'src/dev-server/cli'), { recursive: true });
  await loadWorkflowBundle();
  await loadWorkflowBundle(true);
  for (const file of Object.values(BUNDLE_FILES)) {
    await write(join(folder, file), portableBundle(await readFile(ROOT + file, 'utf8'), ROOT));
  }
  // The README's links lead to these.
  for (const page of ['docs', 'examples', 'CHANGELOG.md', 'SECURITY.md']) {
    await cp(ROOT + page, join(folder, page), { recursive: true, filter: isOurs });
  }
  await finish(folder, manifest, `${ROOT}README.md`);
}

/** Leaves out what a user of the examples has installed beside them. */
function isOurs(path: string): boolean {
  return !/\/(?:node_modules|__pycache__|\.?venv)(?:\/|$)/.test(path.slice(ROOT.length - 1));
}

async function stageClient(
  folder: string,
  built: string,
  declarations: Declarations,
  manifest: Manifest,
): Promise<void> {
  for (const [path, text] of declarations) await write(join(folder, path), text);
  for (const file of await reachableFrom(join(built, 'client/index.js'), () => true)) {
    await write(join(folder, file.slice(built.length + 1)), await readFile(file, 'utf8'));
  }
  await finish(folder, manifest, `${ROOT}src/client/README.md`);
}

async function finish(folder: string, manifest: Manifest, readme: string): Promise<void> {
  await write(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await cp(readme, join(folder, 'README.md'));
  await cp(`${ROOT}LICENSE`, join(folder, 'LICENSE'));
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
