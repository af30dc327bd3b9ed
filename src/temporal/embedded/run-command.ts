import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { childEnv, type Env } from './child-env.ts';

const execFileAsync = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** What a short command printed, both streams; null where it is missing, fails or takes over 10 s. */
export async function outputOf(command: string, args: readonly string[], env: Env): Promise<string | null> {
  try {
    const { stdout, stderr } = await execFileAsync(command, args, {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      env: childEnv(env),
    });
    return stdout + stderr;
  } catch {
    return null;
  }
}
