import type { ConnectionLike } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { createLanes, createSystemClock, type Lanes } from '../lanes/lanes.ts';
import { createCeiling } from '../lanes/paced-meters.ts';
import { createWorkerCount } from '../temporal/worker/worker-count.ts';
import type { Stopper } from './stop.ts';

interface LaneParts {
  readonly config: Config;
  readonly connection: ConnectionLike;
  readonly namespace: string;
  /** Whether this process's worker is the only one on the task queue. */
  readonly settledHere: boolean;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/** Creates the lanes of this process's worker. They log each change of state. */
export function createWorkerLanes({
  config,
  connection,
  namespace,
  settledHere,
  log,
  stopper,
}: LaneParts): Lanes {
  const { callsPerSecond } = config.limits;
  const workers =
    callsPerSecond === null || settledHere
      ? null
      : createWorkerCount(connection, namespace, config.taskQueue);
  if (workers !== null) stopper.add({ name: 'worker count', stop: async () => workers.stop() });
  const ceiling = callsPerSecond === null ? null : createCeiling(callsPerSecond, workers?.count ?? (() => 1));
  return createLanes(createSystemClock(), ceiling, (before, { id, state, pace, waiting, refused }) =>
    log.info({ lane: id, state, before, calls_per_second: pace, waiting, refused }, 'lane changed its state'),
  );
}
