import type { Logger } from 'pino';

/** One part to stop. Parts are stopped in the reverse order of their start. */
export interface Stoppable {
  readonly name: string;
  stop(): Promise<void>;
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const PARENT_CHECK_MS = 500;

export interface Stopper {
  /** Aborted as soon as a stop begins. */
  readonly stopping: AbortSignal;
  add(stoppable: Stoppable): void;
  /** Stops all parts, newest first, and ends the process. Safe to call twice. */
  stop(reason: string, exitCode: number): void;
}

/** Creates a stopper. The first signal stops the process in order; a second one ends it at once. */
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

/**
 * Stops the process when its parent is gone, because npm killed with -9 does not signal the processes it
 * started.
 */
export function stopWithParent(stopper: Stopper): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stopper.stop('parent ended', 0);
  }, PARENT_CHECK_MS).unref();
}
