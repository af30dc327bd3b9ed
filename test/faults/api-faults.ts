import { setTimeout as sleep } from 'node:timers/promises';
import { injected, type Fault } from './fault.ts';
import type { Member } from './member.ts';
import type { Prng } from './prng.ts';

/** A start takes so long at most; the kill falls somewhere into it. */
const START_MS = 20;
const FROZEN_MS = 2_000;

/** What can happen to one of two API processes. */
export function apiFaults(apis: readonly [Member, Member]): Fault[] {
  const one = (prng: Prng): Member => prng.pick(apis);
  const again = async (api: Member): Promise<void> => {
    await api.untilEnded();
    await api.start();
  };
  return [
    {
      name: 'API: kill -9 while it accepts',
      rows: '1, 2',
      inject: async ({ load, prng }) => {
        const afterMs = prng.between(0, START_MS);
        let hit = apis[0];
        const make = async (): Promise<void> => {
          const url = await load.next('sent');
          hit = apis.find((api) => api.url === url) ?? hit;
          await sleep(afterMs);
          hit.signal('SIGKILL');
        };
        return injected([], make, () => again(hit));
      },
    },
    {
      name: 'API: kill -9 while callers wait',
      rows: '3',
      inject: async ({ upstream, prng }) => {
        const api = one(prng);
        const kill = [{ pid: api.pid(), signal: 'SIGKILL' as const }];
        const make = (): Promise<unknown> => upstream.killAt({ at: 'received', caller: null, kill });
        return injected([], make, () => again(api));
      },
    },
    {
      name: 'API: SIGSTOP, SIGCONT',
      rows: '4',
      inject: ({ prng }) => {
        const api = one(prng);
        const make = async (): Promise<void> => {
          api.signal('SIGSTOP');
          await sleep(FROZEN_MS);
          api.signal('SIGCONT');
        };
        return injected([], make, () => api.untilReady());
      },
    },
  ];
}
