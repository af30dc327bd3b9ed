import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { outputOf } from './run-command.ts';

const TERM_MS = 3_000;
const GIVE_UP_MS = 10_000;
const POLL_MS = 25;

/**
 * Stops a server that a dead predecessor left running. Two facts prove that it is the right process: the
 * caller holds the directory's lock, and the process's command line names this directory's database.
 */
export async function stopOrphan(dataDir: string, databasePath: string): Promise<boolean> {
  const state = await rememberedServer(dataDir);
  if (state === null || !(await isServerOf(state.pid, databasePath))) return false;
  await endServer(state.pid, databasePath);
  return true;
}

/**
 * Ends a server: SIGTERM, then SIGKILL after 3 s. Resolves when the process is gone. A process id that now
 * belongs to another program is left alone. A zombie (its command line is empty) counts as gone.
 *
 * @throws Error if the process survives SIGKILL
 */
export async function endServer(pid: number, databasePath: string): Promise<void> {
  const startMs = Date.now();
  let sent: NodeJS.Signals | null = null;
  while (await isServerOf(pid, databasePath)) {
    const waitedMs = Date.now() - startMs;
    if (waitedMs > GIVE_UP_MS) throw new Error(`The Temporal server (process ${pid}) cannot be stopped.`);
    const due = waitedMs > TERM_MS ? 'SIGKILL' : 'SIGTERM';
    if (sent !== due) signal(pid, due);
    sent = due;
    await sleep(POLL_MS);
  }
}

/** Whether a process is a Temporal dev server on this database. Decided by its command line. */
export async function isServerOf(pid: number, databasePath: string): Promise<boolean> {
  const viaProc = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => null);
  const command =
    viaProc ??
    (process.platform === 'linux'
      ? null
      : await outputOf('/bin/ps', ['-ww', '-o', 'command=', '-p', `${pid}`], {}));
  return command !== null && command.includes('start-dev') && command.includes(databasePath);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

/** State that a successor needs to recognise the server of a dead predecessor. */
const ServerState = z.object({
  pid: z.number().int().min(2),
  port: z.number().int(),
  uiPort: z.number().int(),
  startedAt: z.iso.datetime(),
});
export type ServerState = z.output<typeof ServerState>;

/** Writes the server's process to the data directory. Atomic: a reader sees the old state or the new one. */
export async function rememberServer(dataDir: string, state: ServerState): Promise<void> {
  const aside = `${statePath(dataDir)}.new`;
  await writeFile(aside, JSON.stringify(state));
  await rename(aside, statePath(dataDir));
}

export async function forgetServer(dataDir: string): Promise<void> {
  await rm(statePath(dataDir), { force: true });
}

/** Reads the server's process from the data directory. Null = nothing readable is stored. */
export async function rememberedServer(dataDir: string): Promise<ServerState | null> {
  const stored = await readFile(statePath(dataDir), 'utf8').catch(() => '');
  return ServerState.safeParse(parseJson(stored)).data ?? null;
}

function parseJson(stored: string): unknown {
  try {
    return JSON.parse(stored);
  } catch {
    return null;
  }
}

function statePath(dataDir: string): string {
  return join(dataDir, 'embedded.json');
}
