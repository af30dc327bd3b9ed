import { setTimeout as sleep } from 'node:timers/promises';
import { injected, type Fault, type FaultContext, type Injection } from './fault.ts';
import type { Member } from './member.ts';
import type { KillOrder } from './upstream-orders.ts';

const DOWN_MS = 3_000;

/** What can happen to one of two workers, or to both. */
export function workerFaults(workers: readonly [Member, Member], heartbeatSeconds: number): Fault[] {
  const again = async (worker: Member): Promise<void> => {
    await worker.untilEnded();
    await worker.start();
  };
  const killAt =
    (at: KillOrder['at']) =>
    async ({ upstream, prng }: FaultContext): Promise<Injection> => {
      const worker = prng.pick(workers);
      const kill = [{ pid: worker.pid(), signal: 'SIGKILL' as const }];
      const make = (): Promise<unknown> => upstream.killAt({ at, caller: worker.name, kill });
      return injected([worker.name], make, () => again(worker));
    };
  return [
    {
      name: 'worker: kill -9 right after a 202',
      rows: '6',
      inject: async ({ load, prng }) => {
        const worker = prng.pick(workers);
        const make = async (): Promise<void> => {
          await load.next('accepted');
          worker.signal('SIGKILL');
        };
        return injected([worker.name], make, () => again(worker));
      },
    },
    { name: 'worker: kill -9 during a call', rows: '7', inject: killAt('received') },
    { name: 'worker: kill -9 after an answer', rows: '8', inject: killAt('answered') },
    {
      name: 'worker: SIGSTOP past its heartbeat, SIGCONT',
      rows: '9',
      inject: async ({ upstream, prng }) => {
        const worker = prng.pick(workers);
        const kill = [{ pid: worker.pid(), signal: 'SIGSTOP' as const }];
        const make = async (): Promise<void> => {
          await upstream.killAt({ at: 'received', caller: worker.name, kill });
          await sleep(heartbeatSeconds * 2_000);
          worker.signal('SIGCONT');
        };
        return injected([], make, () => worker.untilReady());
      },
    },
    {
      name: 'worker: SIGTERM, start again',
      rows: '11',
      inject: async ({ prng }) => {
        const worker = prng.pick(workers);
        const make = async (): Promise<void> => worker.signal('SIGTERM');
        return injected([worker.name], make, () => again(worker));
      },
    },
    {
      name: 'workers: kill -9 of all, a pause without any',
      rows: '10',
      inject: () => {
        const make = async (): Promise<void> => {
          for (const worker of workers) worker.signal('SIGKILL');
        };
        const repair = async (): Promise<void> => {
          await sleep(DOWN_MS);
          await Promise.all(workers.map(again));
        };
        return injected(
          workers.map(({ name }) => name),
          make,
          repair,
        );
      },
    },
  ];
}
