import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { killTree } from '../../test/support/process-tree.ts';

/** A process entry of the repository that runs with its own directory. */
export interface Entry {
  /** Path from the root of the checkout. */
  readonly path: string;
  /** Root of another checkout. Default: this one. */
  readonly checkout?: string | null;
  readonly args: readonly string[];
  /** Variables in addition to PATH and HOME. The process gets no others. */
  readonly env?: Record<string, string>;
  /** Directory for its log. Created if missing. */
  readonly directory: string;
}

export interface SpawnedEntry {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Rejects with the end of the output when the process ends. Never resolves. */
  readonly died: Promise<never>;
  kill(): Promise<void>;
}

const living = new Set<number>();

/** Starts a process entry. Its output goes to a file, so that no process spends time on reading it. */
export async function spawnEntry({
  path,
  checkout = null,
  args,
  env = {},
  directory,
}: Entry): Promise<SpawnedEntry> {
  await mkdir(directory, { recursive: true });
  const logPath = join(directory, 'output.log');
  const log = await open(logPath, 'a');
  const root = checkout ?? fileURLToPath(new URL('../../', import.meta.url));
  const child = fork(join(root, path), [...args], {
    execArgv: [],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  await log.close();
  const { pid } = child;
  if (pid === undefined) throw new Error(`${path} could not be started`);
  living.add(pid);
  const died = once(child, 'exit').then(async (): Promise<never> => {
    living.delete(pid);
    const said = (await readFile(logPath, 'utf8').catch(() => '')).trim().split('\n').slice(-8).join('\n');
    throw new Error(`${path} ended:\n${said}`);
  });
  // Every wait for the process races this promise. Without a wait, its rejection is ignored.
  died.catch(() => undefined);
  return { child, pid, died, kill: () => killTree(pid) };
}

/** Ends all started processes that still run. */
export async function killAll(): Promise<void> {
  await Promise.all([...living].map((pid) => killTree(pid)));
}
