import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface TreeMember {
  readonly pid: number;
  /** The name of its executable. */
  readonly command: string;
}

/** A process and all it started, parents first. */
export async function processTree(root: number): Promise<TreeMember[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,comm=']);
  const all = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, ...command]) => ({
      pid: Number(pid),
      parent: Number(parent),
      command: command.join(' '),
    }));
  const below = (top: number): TreeMember[] =>
    all.filter(({ parent }) => parent === top).flatMap((child) => [child, ...below(child.pid)]);
  return [...all.filter(({ pid }) => pid === root), ...below(root)].map(({ pid, command }) => ({
    pid,
    command,
  }));
}
