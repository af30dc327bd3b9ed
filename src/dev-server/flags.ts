import { SEARCH_ATTRIBUTES } from '../temporal/search-attributes.ts';
import type { Env } from './run-command.ts';

type DynamicConfig = Readonly<Record<string, string | number | boolean>>;

/** Where the embedded server keeps its state and listens. */
export interface ServerPlace {
  readonly databasePath: string;
  readonly port: number;
  readonly uiPort: number;
  /** Where the UI has encrypted payloads decoded; none by default. */
  readonly codecEndpoint?: string;
  /** Over the dynamic configuration below; for tests that cannot wait for hours. */
  readonly dynamicConfig?: DynamicConfig | undefined;
}

/** Limits of a server that many share; this one has a single user. */
const UNLIMITED = 1_000_000;

/** Dynamic configuration, each with what it is for. */
const DYNAMIC_CONFIG: DynamicConfig = {
  // The first attempt travels with the answer to the workflow task: no poll in between.
  'system.enableActivityEagerExecution': true,
  // A one-shard server polls its queues 20 times a second: some 20 ms in front of every second task.
  'history.transferProcessorMaxPollRPS': 5_000,
  'history.timerProcessorMaxPollRPS': 1_000,
  // How soon a deleted run's id is free: 18 to 32 s by default.
  'history.transferProcessorUpdateAckInterval': '1s',
  'history.visibilityProcessorUpdateAckInterval': '1s',
  'history.timerProcessorUpdateAckInterval': '1s',
  // Long-polls held at once, 1,200 by default: one for each waiter whose worker is elsewhere.
  'frontend.namespaceCount': UNLIMITED,
  'frontend.rps': UNLIMITED,
  'frontend.namespaceRPS': UNLIMITED,
  // Lists and counts, 10 a second by default.
  'frontend.namespaceRPS.visibility': UNLIMITED,
  'history.rps': UNLIMITED,
  'matching.rps': UNLIMITED,
};

/** The arguments of `temporal` for the embedded server; its database is a file, never memory. */
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
    // An answer comes after the disk has it: WAL with a full sync at each commit.
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

/** The environment of the server's process, of which it is given what `childEnv` lets through. */
export function serverEnv(env: Env): Env {
  // Fewer collections: some 15 % of the server's CPU, for memory this machine has.
  return { ...env, GOGC: '400' };
}
