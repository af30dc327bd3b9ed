import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** Environment variables as they are handed to a child. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What a short command printed, both streams; null where it is missing, fails or takes over 10 s. */
export async function outputOf(command: string, args: readonly string[], env?: Env): Promise<string | null> {
  try {
    const { stdout, stderr } = await execFileAsync(command, args, {
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
      ...(env === undefined ? {} : { env: { ...env } }),
    });
    return stdout + stderr;
  } catch {
    return null;
  }
}
