import { readFileSync } from 'node:fs';
import { treeOf } from '../../test/support/process-tree.ts';

/** CPU time or memory of a system's process tree: its own programs, and the server it depends on. */
export interface Usage {
  readonly app: number;
  readonly server: number;
}

/** The kernel's unit of process times, the same on every Linux. */
const MS_PER_TICK = 10;
const SERVERS = /^(temporal|restate)/;

/**
 * CPU time that process trees have used so far, ms, read from /proc. The time of a process that has ended is
 * no longer in the sum.
 */
export function cpuMsOf(...roots: readonly number[]): Usage {
  return sumOver(roots, (one) => {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  });
}

/**
 * Memory that process trees hold now, bytes. Shared memory is divided among the processes that share it.
 */
export function memoryOf(...roots: readonly number[]): Usage {
  return sumOver(roots, (one) => {
    const rollup = readFileSync(`/proc/${one}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
  });
}

/** The difference between `now` and `before`, each part divided by `by`. */
export function growth(before: Usage, now: Usage, by = 1): Usage {
  return { app: (now.app - before.app) / by, server: (now.server - before.server) / by };
}

export function total({ app, server }: Usage): number {
  return app + server;
}

function sumOver(roots: readonly number[], read: (pid: number) => number): Usage {
  const sum = { app: 0, server: 0 };
  for (const one of roots.flatMap(treeOf)) {
    try {
      const isServer = SERVERS.test(readFileSync(`/proc/${one}/comm`, 'utf8'));
      sum[isServer ? 'server' : 'app'] += read(one);
    } catch {
      // The process ended meanwhile.
    }
  }
  return sum;
}
