import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { injected, type Fault } from './fault.ts';
import type { Member } from './member.ts';
import type { TemporalMember } from './separate-deployment.ts';

const DOWN_MS = 4_000;
const FROZEN_MS = 4_000;

/** What can happen to the Temporal server under API processes and workers that live on. */
export function temporalFaults(temporal: TemporalMember, apis: readonly Member[]): Fault[] {
  const untilReady = async (): Promise<void> => {
    await Promise.all(apis.map((api) => api.untilReady()));
  };
  return [
    {
      name: 'Temporal: kill -9, same database',
      rows: '13',
      inject: () => {
        const before = temporal.pid();
        const isAnother = (pid: number): boolean => pid !== before;
        return injected(
          [],
          async () => process.kill(before, 'SIGKILL'),
          async () => {
            await until(() => temporal.pid(), isAnother, 30_000);
            await untilReady();
          },
        );
      },
    },
    {
      name: 'Temporal: stopped for a while',
      rows: '14',
      inject: () =>
        injected(
          [],
          () => temporal.stop(),
          async () => {
            await sleep(DOWN_MS);
            await temporal.start();
            await untilReady();
          },
        ),
    },
    {
      name: 'Temporal: SIGSTOP (half-open), SIGCONT',
      rows: '15, 23',
      inject: () =>
        injected(
          [],
          async () => {
            process.kill(temporal.pid(), 'SIGSTOP');
            await sleep(FROZEN_MS);
            process.kill(temporal.pid(), 'SIGCONT');
          },
          untilReady,
        ),
    },
  ];
}
