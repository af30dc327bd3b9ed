import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** What a short command printed, both streams; null where it is missing, fails or takes over 10 s. */
export async function outputOf(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await execFileAsync(command, args, { timeout: 10_000 });
    return stdout + stderr;
  } catch {
    return null;
  }
}
