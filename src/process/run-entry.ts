import { ConfigError, loadConfig, type Config } from '../config.ts';
import type { Logger } from 'pino';
import { insistedOn } from './insisted-on.ts';
import { createLogger } from './logger.ts';
import { installRuntime } from './runtime.ts';
import { createStopper, stopWithParent, type Stopper } from './stop.ts';

/** What every process entry starts from. */
export interface Entry {
  readonly config: Config;
  readonly log: Logger;
  readonly stopper: Stopper;
}

/**
 * Runs a process entry: reads the configuration, starts, and says in one sentence what went wrong if it
 * cannot. Exit code 78 (EX_CONFIG) for a faulty configuration, 1 for anything else.
 */
export async function runEntry(start: (entry: Entry) => Promise<void>): Promise<void> {
  let config: Config;
  try {
    config = loadConfig();
  } catch (error) {
    complain(error instanceof ConfigError ? error.message : String(error));
    process.exit(78);
  }
  const log = createLogger(config.logLevel);
  for (const line of insistedOn(config)) log.warn(line);
  installRuntime(log);
  const stopper = createStopper(log);
  if (config.startedByNpm) stopWithParent(stopper);
  try {
    await start({ config, log, stopper });
  } catch (error) {
    if (stopper.stopping.aborted) return;
    complain(error instanceof Error ? error.message : String(error));
    stopper.stop('could not start', 1);
  }
}

function complain(message: string): void {
  process.stderr.write(`${message}\n`);
}
