/** Where the embedded server keeps its state and listens. */
export interface ServerPlace {
  readonly databasePath: string;
  readonly port: number;
  readonly uiPort: number;
}

/** Limits of a server that many share; this one has a single user. */
const UNLIMITED = 1_000_000;

/** Dynamic configuration, each with what it is for. */
const DYNAMIC_CONFIG: Readonly<Record<string, string | number | boolean>> = {
  // The first attempt travels with the answer to the workflow task: no poll in between.
  'system.enableActivityEagerExecution': true,
  // A one-shard server polls its queues 20 times a second: some 20 ms in front of every second task.
  'history.transferProcessorMaxPollRPS': 5_000,
  'history.timerProcessorMaxPollRPS': 1_000,
  // Long-polls held at once, 1,200 by default: one for each waiter whose worker is elsewhere.
  'frontend.namespaceCount': UNLIMITED,
  'frontend.rps': UNLIMITED,
  'frontend.namespaceRPS': UNLIMITED,
  'history.rps': UNLIMITED,
  'matching.rps': UNLIMITED,
};

/** The arguments of `temporal` for the embedded server; its database is a file, never memory. */
export function serverFlags({ databasePath, port, uiPort }: ServerPlace): string[] {
  return [
    'server',
    'start-dev',
    ...['--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)],
    ...['--db-filename', databasePath],
    // An answer comes after the disk has it: WAL with a full sync at each commit.
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL'],
    ...['--search-attribute', 'ReqRunModel=Keyword', '--search-attribute', 'ReqRunProject=Keyword'],
    ...['--log-level', 'error'],
    ...Object.entries(DYNAMIC_CONFIG).flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${value}`]),
  ];
}
