import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Lets a forked process end by itself, as it does without its parent, and waits for it. */
export async function letGo(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.disconnect();
  await ended;
}
