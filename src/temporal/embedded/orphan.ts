import { readFile, writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { outputOf } from './run-command.ts';

const PidFile = z.object({ pid: z.number().int().min(2) });
const TERM_MS = 3_000;

/** Remembers the server's process in the data directory, for a successor that finds it alive. */
export async function rememberServer(dataDir: string, pid: number): Promise<void> {
  await writeFile(pidPath(dataDir), JSON.stringify({ pid }));
}

export async function forgetServer(dataDir: string): Promise<void> {
  await rm(pidPath(dataDir), { force: true });
}

/**
 * Stops a server that a dead predecessor left running. Proven twice: the caller holds the directory's lock,
 * and the process's command line names this directory's database.
 */
export async function stopOrphan(dataDir: string, databasePath: string): Promise<boolean> {
  const stored = await readFile(pidPath(dataDir), 'utf8').catch(() => null);
  const parsed = stored === null ? null : PidFile.safeParse(parseJson(stored));
  if (!parsed?.success) return false;
  const { pid } = parsed.data;
  if (!(await isOurs(pid, databasePath))) return false;
  await endProcess(pid);
  return true;
}

/** SIGTERM, then SIGKILL after 3 s; resolves when the process is gone. */
export async function endProcess(pid: number): Promise<void> {
  signal(pid, 'SIGTERM');
  const killAtMs = Date.now() + TERM_MS;
  while (signal(pid, 0)) {
    if (Date.now() > killAtMs) signal(pid, 'SIGKILL');
    await sleep(50);
  }
}

async function isOurs(pid: number, databasePath: string): Promise<boolean> {
  const command = await outputOf('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
  const viaProc = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return (command ?? '').includes(databasePath) || viaProc.includes(databasePath);
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function parseJson(stored: string): unknown {
  try {
    return JSON.parse(stored);
  } catch {
    return null;
  }
}

function pidPath(dataDir: string): string {
  return join(dataDir, 'server.json');
}
