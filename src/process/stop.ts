import type { Logger } from 'pino';

/** One thing to stop; in the reverse order of its start. */
export interface Stoppable {
  readonly name: string;
  stop(): Promise<void>;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const PARENT_CHECK_MS = 500;

export interface Stopper {
  /** Aborted at once when a stop begins. */
  readonly stopping: AbortSignal;
  add(stoppable: Stoppable): void;
  /** Stops everything, newest first, and ends the process. Safe to call twice. */
  stop(reason: string, exitCode: number): void;
}

/** Stops the process in order on a signal; a second signal ends it at once. */
export function createStopper(log: Logger): Stopper {
  const controller = new AbortController();
  const stoppables: Stoppable[] = [];

  async function stopAll(exitCode: number): Promise<void> {
    for (const { name, stop } of stoppables.toReversed()) {
      await stop().catch((error: unknown) =>
        log.error({ part: name, error: String(error) }, 'could not be stopped'),
      );
    }
    log.info('stopped');
    process.exit(exitCode);
  }

  const stopper: Stopper = {
    stopping: controller.signal,
    add: (stoppable) => void stoppables.push(stoppable),
    stop: (reason, exitCode) => {
      if (controller.signal.aborted) return;
      log.info({ reason }, 'stopping');
      controller.abort();
      void stopAll(exitCode);
    },
  };
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(1);
      stopper.stop(signal, 0);
    });
  }
  return stopper;
}

/** npm dies of kill -9 without a word to what it started; a process that lost its parent stops as well. */
export function stopWithParent(stopper: Stopper): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stopper.stop('parent ended', 0);
  }, PARENT_CHECK_MS).unref();
}
