import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { isFailureCode } from '../domain/error-catalogue.ts';
import { isObject } from '../domain/raw-json.ts';
import { WORKFLOW_TYPE } from '../domain/run-contract.ts';
import { type Config, ConfigError, loadConfig, loadListeningConfig } from '../config.ts';
import { createStopper, type Stopper, stopWithParent } from './stop.ts';

/** What every process entry starts from. */
export interface Entry {
  readonly config: Config;
  readonly log: Logger;
  readonly stopper: Stopper;
}

type Start = (entry: Entry) => Promise<void>;

/**
 * Runs a process entry: reads the configuration, starts, and says in one sentence what went wrong if it
 * cannot. Exit code 78 (EX_CONFIG) for a faulty configuration, 1 for anything else.
 */
export async function runEntry(start: Start): Promise<void> {
  await run(start, async () => loadConfig());
}

/** The same for a process that listens on HOST, which must lead to an address. */
export async function runListeningEntry(start: Start): Promise<void> {
  await run(start, loadListeningConfig);
}

async function run(start: Start, load: () => Promise<Config>): Promise<void> {
  let config: Config;
  try {
    config = await load();
  } catch (error) {
    complain(error instanceof ConfigError ? error.message : String(error));
    process.exit(78);
  }
  const log = createLogger(config.logLevel);
  for (const line of securityOverrides(config)) log.warn(line);
  installRuntime(log);
  const stopper = createStopper(log);
  if (config.startedByNpm) stopWithParent(stopper);
  try {
    await start({ config, log, stopper });
  } catch (error) {
    if (stopper.stopping.aborted) return;
    complain(error instanceof Error ? error.message : String(error));
    stopper.stop('could not start', error instanceof ConfigError ? 78 : 1);
  }
}

function complain(message: string): void {
  process.stderr.write(`${message}\n`);
}

/** Lines on stderr, so that stdout is free for what a person reads: JSON, and in a terminal readable ones. */
function createLogger(level: string): Logger {
  const stream = process.stderr.isTTY
    ? pretty({ destination: 2, ignore: 'reqId', singleLine: true, sync: true })
    : pino.destination(2);
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

/**
 * Temporal's native runtime, once per process. Its warnings go to our log, with the workflow that they are about; a
 * failure that one of our own lines tells already is left out. Its signals are ours to handle.
 */
export function installRuntime(log: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta = {} }) => {
      const { workflowId, workflowType, activityType, error } = meta;
      // The end of an attempt or of a run, which a line of ours has said with its code.
      if (message === 'Activity failed' && isRecordedFailure(error)) return;
      if (message === 'Workflow failed' && workflowType === WORKFLOW_TYPE) return;
      const fields = {
        source: 'temporal',
        ...(typeof workflowId === 'string' ? { workflow_id: workflowId } : {}),
        ...(typeof activityType === 'string' ? { activity: activityType } : {}),
        ...(isObject(error) ? { error: String(error['name']) } : {}),
      };
      if (level === 'ERROR') log.error(fields, message);
      else log.warn(fields, message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) },
    },
  });
}

function isRecordedFailure(error: unknown): boolean {
  return isObject(error) && typeof error['type'] === 'string' && isFailureCode(error['type']);
}

/** The protections that the operator has lifted, a sentence each: said at every start, in log and banner. */
export function securityOverrides({
  keysFile,
  allowOpen,
  allowedHosts,
  allowPlainUpstream,
}: Pick<Config, 'keysFile' | 'allowOpen' | 'allowedHosts' | 'allowPlainUpstream'>): readonly string[] {
  const said: string[] = [];
  if (allowOpen && keysFile === null) {
    said.push('REQRUN_ALLOW_OPEN=1: there are no API keys, and whoever reaches the API is answered');
  }
  if (allowedHosts === null && keysFile === null) {
    said.push(
      'REQRUN_ALLOWED_HOSTS=*: there are no API keys, and a web page may get here by having a name of its own resolved to this machine',
    );
  }
  if (allowPlainUpstream) {
    said.push(
      'REQRUN_ALLOW_PLAIN_UPSTREAM=1: upstreams may have http addresses, and the network on the way there can read prompts, answers and keys',
    );
  }
  return said;
}
