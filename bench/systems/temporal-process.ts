import { DefaultLogger, Runtime } from '@temporalio/worker';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { untilServerAnswers } from '../../src/dev-server/readiness.ts';
import { spawnServer } from '../../src/dev-server/server-process.ts';

/** Command line of a system on Temporal, as JSON. */
export const TemporalArguments = z.object({
  directory: z.string(),
  port: z.number(),
  uiPort: z.number(),
  temporalBinary: z.string(),
  upstreamURL: z.string(),
  floorBundle: z.string(),
});
export type TemporalArguments = z.infer<typeof TemporalArguments>;

export function readArguments(): TemporalArguments {
  return TemporalArguments.parse(JSON.parse(process.argv[2] ?? ''));
}

/** Installs Temporal's native runtime, which logs errors only. */
export function installQuietRuntime(): void {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
}

/** Starts a dev server under ReqRun's own guard. Resolves to its address once it answers. */
export async function startServer(
  { directory, port, temporalBinary }: TemporalArguments,
  flags: (databasePath: string) => readonly string[],
  env: Record<string, string | undefined>,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const databasePath = join(directory, 'temporal.db');
  const logPath = join(directory, 'temporal.log');
  const args = { binaryPath: temporalBinary, flags: flags(databasePath), env, databasePath, logPath };
  const server = await spawnServer(args);
  const gone = new AbortController();
  void server.ended.then(() => gone.abort(new Error('the Temporal server ended')));
  await untilServerAnswers({ port, retentionHours: 24, withinMs: 30_000, signal: gone.signal });
  return `127.0.0.1:${port}`;
}
