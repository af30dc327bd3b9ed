import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { childEnv, type Env } from './child-env.ts';

/** A command that takes minutes. */
export interface LongCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Env;
  /** Kills the command and everything it started. */
  readonly signal: AbortSignal;
}

const KEPT_OUTPUT = 4_000;

/** Runs a command in a process group of its own. Resolves to null, or to the end of what it said of its failure. */
export async function runGroup({ command, args, cwd, env, signal }: LongCommand): Promise<string | null> {
  signal.throwIfAborted();
  const child = spawn(command, args, {
    cwd,
    env: childEnv(env),
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-KEPT_OUTPUT)));
  const kill = (): void => killGroup(child.pid);
  signal.addEventListener('abort', kill);
  try {
    const closed = once(child, 'close');
    closed.catch(() => undefined);
    await once(child, 'exit');
    // What it started may outlive it, and would hold its output open.
    kill();
    await closed;
  } finally {
    signal.removeEventListener('abort', kill);
  }
  if (child.exitCode === 0) return null;
  return (
    said.trim().split('\n').slice(-3).join(' ').slice(-300) ||
    `ended with ${child.exitCode ?? child.signalCode}`
  );
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
