import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../scripts/pages.ts';

const CLIENTS = `${ROOT}test/clients`;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/**
 * Installs the npm packages of test/clients, which the product does not depend on, into their own folder. Does nothing
 * where they are there already.
 */
export async function installNpmClients(): Promise<void> {
  const wanted = hashOf(await readFile(`${CLIENTS}/package-lock.json`, 'utf8'));
  const mark = `${CLIENTS}/node_modules/.installed`;
  if ((await readFile(mark, 'utf8').catch(() => '')) === wanted) return;
  say('installing the npm packages of test/clients');
  await run('npm', ['ci', '--prefix', CLIENTS, '--ignore-scripts', '--no-audit', '--no-fund']);
  await writeFile(mark, wanted);
}

/** Installs the Python packages of test/clients into an environment of their own; resolves to its interpreter. */
export async function installPythonClients(): Promise<string> {
  const requirements = `${CLIENTS}/requirements.txt`;
  const name = `python-${hashOf(await readFile(requirements, 'utf8')).slice(0, 16)}`;
  const folder = join(process.env['REQRUN_CACHE_DIR'] ?? join(homedir(), '.cache', 'reqrun'), 'clients');
  const place = join(folder, name);
  const python = join(place, 'bin', 'python');
  const mark = join(place, '.installed');
  if ((await readFile(mark, 'utf8').catch(() => '')) === name) return python;
  say('installing the Python packages of test/clients');
  await mkdir(folder, { recursive: true });
  await rm(place, { recursive: true, force: true });
  await run('python3', ['-m', 'venv', place]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  await writeFile(`${mark}.new`, name);
  await rename(`${mark}.new`, mark);
  return python;
}

/** Runs a program to its end, and resolves to what it printed. Rejects with all that it said when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [printed, said] = ['', ''];
  child.stdout.on('data', (chunk) => (printed += String(chunk)));
  child.stderr.on('data', (chunk) => (said += String(chunk)));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${printed}${said}`);
  return printed;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
