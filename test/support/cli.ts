import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a command of the command line left behind. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  /** The entry's path. Its default is the one of this clone. */
  readonly entry?: string;
  /** Called when the command has started, to act on it. */
  readonly onStart?: (child: { kill(signal: NodeJS.Signals): boolean }) => void;
}

const ENTRY = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Runs `reqrun` with a clean environment, and waits for its end. */
export async function runCommand(
  args: readonly string[],
  { env = {}, stdin = '', entry = ENTRY, onStart }: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [entry, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  // A command that reads no body may have ended before it is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  onStart?.(child);
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}
