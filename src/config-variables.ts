/**
 * The meaning of each environment variable, for the tables of docs/configuration.md. Names and defaults are
 * in the schema of config.ts; a test checks that both files have the same names.
 */

import { BLOB_VARIABLE_TEXTS } from './config-blobs.ts';
import { STREAM_VARIABLE_TEXTS } from './config-streams.ts';

export const VARIABLE_GROUPS = [
  'listen',
  'temporal',
  'upstream',
  'waits',
  'limits',
  'security',
  'cli',
] as const;
export type VariableGroup = (typeof VARIABLE_GROUPS)[number];

interface ConfigVariable {
  readonly group: VariableGroup;
  /** Whether a deployment sets it: most do, some do, or none needs to. */
  readonly set: 'usually' | 'sometimes' | 'no need';
  /** Short sentences; the unit is in the name or in the first sentence. */
  readonly meaning: string;
  /** The text of the default column if the schema has no default. */
  readonly unset?: string;
}

export const CONFIG_VARIABLE_TEXTS: Readonly<Record<string, ConfigVariable>> = {
  HOST: {
    group: 'listen',
    set: 'sometimes',
    meaning: 'Address the API listens on. Without API keys it must be loopback.',
  },
  PORT: { group: 'listen', set: 'sometimes', meaning: 'Port of the API.' },
  REQRUN_METRICS_PORT: {
    group: 'listen',
    set: 'usually',
    meaning: 'Port of `GET /metrics`. 0: no metrics are served.',
  },
  REQRUN_METRICS_HOST: {
    group: 'listen',
    set: 'sometimes',
    meaning: 'Address that `GET /metrics` listens on. It has no authentication.',
  },
  REQRUN_LOG_LEVEL: {
    group: 'listen',
    set: 'no need',
    meaning: 'Level of the log on stderr: fatal, error, warn, info, debug, trace or silent.',
  },

  REQRUN_DATA_DIR: {
    group: 'temporal',
    set: 'usually',
    meaning: 'Directory of the embedded Temporal server: its database, log and lock. Back it up.',
  },
  REQRUN_CACHE_DIR: {
    group: 'temporal',
    set: 'no need',
    meaning: 'Directory that holds the Temporal CLI.',
    unset: '~/.cache/reqrun',
  },
  REQRUN_TEMPORAL_CLI_URL: {
    group: 'temporal',
    set: 'sometimes',
    meaning:
      'Where the Temporal CLI is taken from: the path of a file, the URL of an archive, or the URL of a folder with the files of a release, which ends with `/`.',
    unset: "Temporal's own release",
  },
  REQRUN_TEMPORAL_PORT: { group: 'temporal', set: 'no need', meaning: 'Port of the embedded server.' },
  REQRUN_TEMPORAL_UI_PORT: {
    group: 'temporal',
    set: 'no need',
    meaning: "Port of the embedded server's UI.",
  },
  REQRUN_TEMPORAL_UI_URL: {
    group: 'temporal',
    set: 'sometimes',
    meaning: 'Address of the Temporal UI, for the links in records. Set it when Temporal is not embedded.',
    unset: "the embedded server's UI",
  },
  REQRUN_TASK_QUEUE: {
    group: 'temporal',
    set: 'no need',
    meaning: 'Temporal task queue. The same for APIs and workers.',
  },
  REQRUN_RETENTION_HOURS: {
    group: 'temporal',
    set: 'sometimes',
    meaning: 'Hours that the embedded server keeps a run after its end. After that, its key is free again.',
  },
  REQRUN_HEARTBEAT_TIMEOUT_SECONDS: {
    group: 'temporal',
    set: 'no need',
    meaning:
      'Seconds until Temporal notices a dead worker. Set it on the API, because the API starts the runs.',
    unset: '60 embedded, 15 otherwise',
  },

  OPENAI_BASE_URL: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Address of the upstream. It must be https outside loopback and hold no credentials.',
    unset: "OpenAI's",
  },
  OPENAI_API_KEY: {
    group: 'upstream',
    set: 'usually',
    meaning: 'Key of the upstream. With neither key nor address, the demo upstream answers.',
    unset: 'none',
  },
  OPENAI_ORG_ID: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Sent to the service-wide upstream as `OpenAI-Organization`.',
    unset: 'none',
  },
  OPENAI_PROJECT_ID: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Sent to the service-wide upstream as `OpenAI-Project`.',
    unset: 'none',
  },
  REQRUN_UPSTREAM_HEADERS_FILE: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'JSON file with headers for calls to the service-wide upstream. Only workers read it.',
    unset: 'none',
  },
  ...STREAM_VARIABLE_TEXTS,
  HTTPS_PROXY: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Proxy for calls to https upstreams. The lower-case name takes precedence.',
    unset: "HTTP_PROXY's",
  },
  HTTP_PROXY: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Proxy for calls to http upstreams. The lower-case name takes precedence.',
    unset: 'none',
  },
  NO_PROXY: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Upstreams that are called without a proxy. The lower-case name takes precedence.',
    unset: 'none',
  },
  REQRUN_MAX_ATTEMPTS_IN_FLIGHT: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Maximum concurrent upstream calls in one worker. Further requests stay `queued`.',
  },
  REQRUN_MAX_CALLS_PER_SECOND: {
    group: 'upstream',
    set: 'sometimes',
    meaning:
      'Ceiling of upstream calls per second over all lanes, for all workers together. Each worker takes an equal share.',
    unset: 'no limit',
  },
  REQRUN_SHUTDOWN_GRACE_SECONDS: {
    group: 'upstream',
    set: 'sometimes',
    meaning: 'Seconds that a stopping worker gives its running calls to finish.',
  },

  REQRUN_ACCEPT_SECONDS: {
    group: 'waits',
    set: 'no need',
    meaning:
      'Seconds that a POST waits for its turn to be accepted. A POST whose turn is further away gets 503 `overloaded` at once.',
  },
  REQRUN_DEFAULT_WAIT_SECONDS: {
    group: 'waits',
    set: 'sometimes',
    meaning: 'Seconds that a POST waits for its result when the caller sends no `wait`.',
  },
  REQRUN_WAIT_SECONDS: {
    group: 'waits',
    set: 'no need',
    meaning: 'Seconds that a POST waits for its result with `"wait": true`.',
  },
  REQRUN_MAX_WAIT_SECONDS: {
    group: 'waits',
    set: 'no need',
    meaning: 'Longest wait in seconds. A caller that asks for more gets this much.',
  },

  ...BLOB_VARIABLE_TEXTS,
  REQRUN_MAX_CONNECTIONS: {
    group: 'limits',
    set: 'no need',
    meaning:
      'Maximum open connections. Requests on connections over this limit get 503, except health checks.',
  },
  REQRUN_MAX_ACCEPTING: {
    group: 'limits',
    set: 'no need',
    meaning:
      'Maximum POSTs and DELETEs that Temporal has not answered yet. Over the limit: 503 `overloaded`.',
  },
  REQRUN_MAX_ACCEPTING_BYTES: {
    group: 'limits',
    set: 'sometimes',
    meaning:
      'Maximum bytes of the bodies of these POSTs together, and of stored texts that are read into memory. At least `REQRUN_MAX_BODY_BYTES`. Over the limit: 503 `overloaded`.',
  },
  REQRUN_MAX_READING: {
    group: 'limits',
    set: 'no need',
    meaning: 'Maximum GETs that Temporal has not answered yet. Over the limit: 503 `overloaded`.',
  },
  REQRUN_MAX_WAITERS: {
    group: 'limits',
    set: 'no need',
    meaning: 'Maximum callers that wait for a result. Over the limit, a caller gets its 202 or record early.',
  },
  REQRUN_MAX_LONG_POLLS: {
    group: 'limits',
    set: 'sometimes',
    meaning:
      'Maximum requests that an API without a worker watches in Temporal. Over the limit, a caller gets its 202 or record early.',
  },

  REQRUN_KEYS_FILE: {
    group: 'security',
    set: 'usually',
    meaning: 'File with the projects and the hashes of their API keys. The same for APIs and workers.',
    unset: 'none: the service is open',
  },
  REQRUN_ENCRYPTION_KEYS: {
    group: 'security',
    set: 'usually',
    meaning:
      '`id:key,id:key`, each key 32 bytes in base64. Payloads in Temporal are encrypted with the first one. The same for APIs and workers.',
    unset: 'none: plain text in Temporal',
  },
  REQRUN_ALLOW_OPEN: {
    group: 'security',
    set: 'no need',
    meaning: '1: listen on addresses outside loopback without API keys.',
  },
  REQRUN_ALLOWED_HOSTS: {
    group: 'security',
    set: 'sometimes',
    meaning:
      'Host names that an open service accepts in addition to loopback names and `HOST`. Without ports, separated by commas. `*`: any name, which allows DNS rebinding.',
    unset: 'none',
  },
  REQRUN_ALLOW_PLAIN_UPSTREAM: {
    group: 'security',
    set: 'no need',
    meaning:
      '1: upstreams outside loopback may have http addresses, also in the keys file. The same for APIs and workers.',
  },
  REQRUN_CODEC_SERVER: {
    group: 'security',
    set: 'sometimes',
    meaning: '1: decrypt payloads for the Temporal UI and CLI.',
  },
  REQRUN_CODEC_PORT: { group: 'security', set: 'no need', meaning: 'Port of the codec server.' },
  REQRUN_CODEC_TOKEN: {
    group: 'security',
    set: 'sometimes',
    meaning:
      'Bearer token of the codec server, at least 32 characters. Required when Temporal is not embedded.',
    unset: 'none',
  },

  REQRUN_URL: {
    group: 'cli',
    set: 'sometimes',
    meaning: 'Address of the service that `reqrun requests` calls. `--url` takes precedence.',
  },
  REQRUN_API_KEY: {
    group: 'cli',
    set: 'sometimes',
    meaning: 'API key of `reqrun requests`.',
    unset: 'none: for an open service',
  },
  REQRUN_SIGNING_SECRET: {
    group: 'cli',
    set: 'sometimes',
    meaning: 'Signing secret of `reqrun requests`, for an API key that was created with `--signed`.',
    unset: 'none: calls are not signed',
  },
};
