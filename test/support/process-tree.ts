import { readdirSync, readFileSync } from 'node:fs';
import { until } from './until.ts';

/** The process and all it started, by /proc (Linux). */
export function treeOf(pid: number): number[] {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name) ? parentOf(name) : null;
    if (parent !== null) parents.set(parent, [...(parents.get(parent) ?? []), Number(name)]);
  }
  const tree = [pid];
  for (const one of tree) tree.push(...(parents.get(one) ?? []));
  return tree;
}

/** kill -9 for a whole tree at once, as a power cut would; resolves when nothing of it is left. */
export async function killTree(pid: number): Promise<void> {
  const tree = treeOf(pid);
  for (const one of tree) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
  await until(
    () => tree.filter((one) => parentOf(String(one)) !== null),
    (left) => left.length === 0,
  );
}

/** Null for a process that is gone, or dead and not yet reaped. */
function parentOf(pid: string): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : Number(parent);
  } catch {
    return null;
  }
}
