import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { treeOf } from '../support/process-tree.ts';
import { until } from '../support/until.ts';
import { injected, type Fault, type FaultContext, type FaultDeployment, type Injection } from './fault.ts';
import { createMember } from './member.ts';
import type { KillOrder } from './upstream-orders.ts';

export interface EmbeddedSettings {
  readonly dataDir: string;
  readonly upstreamURL: string;
  /** Path of a file named `temporal`, which the process finds on its PATH. */
  readonly temporalBinary: string;
}

/** How long a stopped process stands still. */
const FROZEN_MS = 2_000;
const CALLER = 'sk-canary-main';

/** `npm start`: API, worker and Temporal in one process tree, on a data directory that stays. */
export async function createEmbeddedDeployment(settings: EmbeddedSettings): Promise<FaultDeployment> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const main = createMember('main', 'src/main.ts', url, {
    PATH: `${dirname(settings.temporalBinary)}:${process.env['PATH'] ?? ''}`,
    PORT: String(port),
    OPENAI_BASE_URL: settings.upstreamURL,
    OPENAI_API_KEY: CALLER,
    REQRUN_DATA_DIR: settings.dataDir,
    REQRUN_TEMPORAL_PORT: String(await freePort()),
    REQRUN_TEMPORAL_UI_PORT: String(await freePort()),
    REQRUN_SHUTDOWN_GRACE_SECONDS: '1',
  });

  const killTree = (): KillOrder['kill'] =>
    treeOf(main.pid()).map((pid) => ({ pid, signal: 'SIGKILL' as const }));
  const again = async (): Promise<void> => {
    await main.untilEnded();
    await main.start();
  };
  const temporalPid = (): number | null => treeOf(main.pid()).find(isTemporal) ?? null;
  const treeAt =
    (at: KillOrder['at']) =>
    async ({ upstream }: FaultContext): Promise<Injection> => {
      const kill = killTree();
      return injected([CALLER], () => upstream.killAt({ at, caller: CALLER, kill }), again);
    };

  const faults: Fault[] = [
    {
      name: 'tree: kill -9 right after a 202',
      rows: '1, 2, 6, 13',
      inject: async ({ load }) => {
        const kill = killTree();
        const make = async (): Promise<void> => {
          await load.next('accepted');
          for (const { pid, signal } of kill) process.kill(pid, signal);
        };
        return injected([CALLER], make, again);
      },
    },
    { name: 'tree: kill -9 during a call', rows: '3, 7, 13', inject: treeAt('received') },
    { name: 'tree: kill -9 after an answer', rows: '8, 13', inject: treeAt('answered') },
    {
      name: 'tree: SIGTERM, start again',
      rows: '11',
      inject: () =>
        injected(
          [CALLER],
          async () => main.signal('SIGTERM'),
          () => again(),
        ),
    },
    {
      name: 'tree: SIGSTOP of node, SIGCONT',
      rows: '4',
      inject: () =>
        injected(
          [],
          async () => {
            main.signal('SIGSTOP');
            await sleep(FROZEN_MS);
            main.signal('SIGCONT');
          },
          () => main.untilReady(),
        ),
    },
    {
      name: 'Temporal: kill -9, supervised',
      rows: '13',
      inject: async () => {
        const before = temporalPid() ?? 0;
        const isAnother = (pid: number | null): boolean => pid !== null && pid !== before;
        return injected(
          [],
          async () => process.kill(before, 'SIGKILL'),
          async () => {
            await until(temporalPid, isAnother, 30_000);
            await main.untilReady();
          },
        );
      },
    },
  ];
  return {
    name: 'npm start (embedded Temporal)',
    urls: [url],
    faults,
    start: () => main.start(),
    stop: () => main.end('SIGTERM'),
    output: () => main.output(),
  };
}

function isTemporal(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('temporal');
  } catch {
    return false;
  }
}
