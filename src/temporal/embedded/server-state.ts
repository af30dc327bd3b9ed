import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What a successor needs to recognise the server of a dead predecessor. */
const ServerState = z.object({
  pid: z.number().int().min(2),
  port: z.number().int(),
  uiPort: z.number().int(),
  startedAt: z.iso.datetime(),
});
export type ServerState = z.output<typeof ServerState>;

/** Remembers the server's process in the data directory; a reader sees the old or the new, never half. */
export async function rememberServer(dataDir: string, state: ServerState): Promise<void> {
  const aside = `${statePath(dataDir)}.new`;
  await writeFile(aside, JSON.stringify(state));
  await rename(aside, statePath(dataDir));
}

export async function forgetServer(dataDir: string): Promise<void> {
  await rm(statePath(dataDir), { force: true });
}

/** Null where nothing, or nothing readable, is remembered. */
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
