import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { isFailureCode } from '../domain/error-catalogue.ts';
import { isObject } from '../domain/raw-json.ts';
import { WORKFLOW_TYPE } from '../domain/run-contract.ts';
import { type Config, ConfigError, loadConfig, loadListeningConfig } from '../config.ts';
import { createStopper, type Stopper, stopWithParent } from './stop.ts';

/** What every process entry starts with. */
export interface Entry {
  readonly config: Config;
  readonly log: Logger;
  readonly stopper: Stopper;
}

type Start = (entry: Entry) => Promise<void>;

/**
 * Runs a process entry: reads the configuration and starts. If that fails, prints the reason in one sentence.
 * Exit code 78 (EX_CONFIG) = faulty configuration, 1 = anything else.
 */
export async function runEntry(start: Start): Promise<void> {
  await run(start, async () => loadConfig());
}

/** Same as {@link runEntry} for a process that listens on HOST. HOST must resolve to an address. */
export async function runListeningEntry(start: Start): Promise<void> {
  await run(start, loadListeningConfig);
}

/**
 * Size of the blocks that Node cuts small buffers from. A block stays in memory as long as any buffer of it. With Node's
 * 64 KiB, the headers of 1,000 open calls keep 20 MB.
 */
const BUFFER_BLOCK_BYTES = 1_024;

async function run(start: Start, load: () => Promise<Config>): Promise<void> {
  Buffer.poolSize = BUFFER_BLOCK_BYTES;
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

/**
 * Writes log lines to stderr, because stdout is for what a person reads. In a terminal the lines are readable
 * text, otherwise JSON.
 */
function createLogger(level: string): Logger {
  const stream = process.stderr.isTTY
    ? pretty({ destination: 2, ignore: 'reqId', singleLine: true, sync: true })
    : pino.destination(2);
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

/**
 * Installs Temporal's native runtime, once per process. Its warnings go to our log with the workflow they are
 * about, except failures that our own log lines already report. It handles no signals, because this process
 * does.
 */
export function installRuntime(log: Logger): void {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('WARN', ({ level, message, meta = {} }) => {
      const { workflowId, workflowType, activityType, error } = meta;
      // Our own log line has already reported the end of this attempt or run with its code.
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

/**
 * The protections that the operator has switched off, one sentence each. Logged at every start and shown in
 * the banner.
 */
export function securityOverrides({
  keysFile,
  allowOpen,
  allowedHosts,
  allowPlainUpstream,
}: Pick<Config, 'keysFile' | 'allowOpen' | 'allowedHosts' | 'allowPlainUpstream'>): readonly string[] {
  const said: string[] = [];
  if (allowOpen && keysFile === null) {
    said.push('REQRUN_ALLOW_OPEN=1: there are no API keys, so everyone who can reach the API can use it');
  }
  if (allowedHosts === null && keysFile === null) {
    said.push(
      "REQRUN_ALLOWED_HOSTS=*: there are no API keys, so any web page can call the API if its own host name resolves to this machine's address",
    );
  }
  if (allowPlainUpstream) {
    said.push(
      'REQRUN_ALLOW_PLAIN_UPSTREAM=1: upstreams may have http addresses, so the network on the way can read prompts, answers and keys',
    );
  }
  return said;
}
