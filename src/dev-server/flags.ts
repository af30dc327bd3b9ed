import { SEARCH_ATTRIBUTES } from '../temporal/search-attributes.ts';
import type { Env } from './run-command.ts';

type DynamicConfig = Readonly<Record<string, string | number | boolean>>;

/** Where the embedded server stores its state and listens. */
export interface ServerPlace {
  readonly databasePath: string;
  readonly port: number;
  readonly uiPort: number;
  /** Address at which the UI has encrypted payloads decoded. Absent = none. */
  readonly codecEndpoint?: string;
  /** Overrides the dynamic configuration below. For tests that cannot wait for hours. */
  readonly dynamicConfig?: DynamicConfig | undefined;
}

/** Replaces limits meant for shared servers, because this server has a single user. */
const UNLIMITED = 1_000_000;

/** Dynamic configuration of the server, with the reason for each value. */
const DYNAMIC_CONFIG: DynamicConfig = {
  // The first attempt starts with the answer to the workflow task, without a poll in between.
  'system.enableActivityEagerExecution': true,
  // Projects take turns where tasks wait for a worker. The second flag has a backlog from before the first one
  // worked off.
  'matching.enableFairness': true,
  'matching.enableMigration': true,
  // Temporal keeps an order only within a partition. Tasks are still read from all four, because an older
  // database may have some there.
  'matching.numTaskqueueWritePartitions': 1,
  // A server with one shard polls its queues 20 times a second, which delays every second task by about 20
  // ms.
  'history.transferProcessorMaxPollRPS': 5_000,
  'history.timerProcessorMaxPollRPS': 1_000,
  // How soon a deleted run's id is free again. The default takes 18 to 32 s.
  'history.transferProcessorUpdateAckInterval': '1s',
  'history.visibilityProcessorUpdateAckInterval': '1s',
  'history.timerProcessorUpdateAckInterval': '1s',
  // Long polls open at once. The default is 1,200. Each waiter whose worker is another process needs one.
  'frontend.namespaceCount': UNLIMITED,
  'frontend.rps': UNLIMITED,
  'frontend.namespaceRPS': UNLIMITED,
  // List and count calls. The default is 10 a second.
  'frontend.namespaceRPS.visibility': UNLIMITED,
  'history.rps': UNLIMITED,
  'matching.rps': UNLIMITED,
};

/**
 * Builds the arguments of `temporal` for the embedded server. The database is always a file, never in memory.
 */
export function serverFlags({
  databasePath,
  port,
  uiPort,
  codecEndpoint,
  dynamicConfig,
}: ServerPlace): string[] {
  return [
    'server',
    'start-dev',
    ...['--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
    ...['--db-filename', databasePath],
    // The server answers only after the data is on disk: WAL with a full sync at each commit.
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL'],
    ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ...['--log-level', 'error'],
    ...(codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', codecEndpoint]),
    ...Object.entries({ ...DYNAMIC_CONFIG, ...dynamicConfig }).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
  ];
}

/** Builds the environment of the server's process. `childEnv` then filters it. */
export function serverEnv(env: Env): Env {
  // Fewer garbage collections save about 15 % of the server's CPU time and cost memory.
  return { ...env, GOGC: '400' };
}
