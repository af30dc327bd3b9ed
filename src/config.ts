import { StreamEnvironment } from './config-streams.ts';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { BlobEnvironment, toLargeTextSettings } from './config-blobs.ts';
import { ClientEnvironment, type ClientSettings, readClientSettings, visible } from './config-client.ts';
import { allowedHosts, isLoopback, listenAddress, resolves, upstreamUrl } from './domain/hosts.ts';
import { proxyUrl, withProxiesInCapitals } from './domain/proxy.ts';
import { encryptionKeys } from './encryption/keys.ts';
import { type NamedTemporal, readNamedTemporal } from './temporal/named-temporal.ts';

/**
 * Reads the configuration; no other code reads the environment. An empty variable counts as unset, because
 * compose files write unset variables so.
 */

const integer = (min: number, max: number, byDefault: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))
    .default(byDefault);
const text = (byDefault: string) => z.string().default(byDefault);
const port = (byDefault: number) => integer(0, 65_535, byDefault);
const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).optional();
/** Upper bound accepted for every REQRUN_MAX_* variable. */
const MAX_COUNT = 1_000_000;
const flag = z.enum(['0', '1'], { error: 'must be 0 or 1' }).default('0');
const Environment = z.object({
  HOST: listenAddress,
  PORT: port(8080),
  OPENAI_BASE_URL: upstreamUrl(false).optional(),
  OPENAI_API_KEY: visible.optional(),
  OPENAI_ORG_ID: visible.optional(),
  OPENAI_PROJECT_ID: visible.optional(),
  REQRUN_UPSTREAM_HEADERS_FILE: z.string().optional(),
  HTTPS_PROXY: proxyUrl('HTTPS_PROXY'),
  HTTP_PROXY: proxyUrl('HTTP_PROXY'),
  NO_PROXY: text(''),
  REQRUN_DATA_DIR: text('.reqrun'),
  REQRUN_CACHE_DIR: z.string().optional(),
  REQRUN_TEMPORAL_CLI_URL: z
    .string()
    .refine((named) => !/^https?:/i.test(named) || URL.canParse(named), 'must be a URL or a path')
    .optional(),
  REQRUN_TEMPORAL_PORT: integer(1, 65_535, 7233),
  REQRUN_TEMPORAL_UI_PORT: integer(1, 65_535, 8233),
  REQRUN_TEMPORAL_UI_URL: url,
  REQRUN_TASK_QUEUE: text('reqrun'),
  REQRUN_DEFAULT_WAIT_SECONDS: integer(0, 3600, 0),
  REQRUN_WAIT_SECONDS: integer(0, 3600, 30),
  REQRUN_MAX_WAIT_SECONDS: integer(0, 3600, 240),
  REQRUN_RETENTION_HOURS: integer(1, 24 * 365, 168),
  REQRUN_HEARTBEAT_TIMEOUT_SECONDS: integer(1, 3600, 0).transform((seconds) => seconds || null),
  REQRUN_SHUTDOWN_GRACE_SECONDS: integer(0, 600, 10),
  ...BlobEnvironment,
  REQRUN_MAX_CONNECTIONS: integer(1, MAX_COUNT, 20_000),
  REQRUN_ACCEPT_SECONDS: integer(1, 240, 60),
  REQRUN_MAX_ACCEPTING: integer(1, MAX_COUNT, 15_000),
  REQRUN_MAX_ACCEPTING_BYTES: integer(2_097_152, 1_099_511_627_776, 268_435_456),
  REQRUN_MAX_READING: integer(1, MAX_COUNT, 500),
  REQRUN_MAX_WAITERS: integer(0, MAX_COUNT, 15_000),
  REQRUN_MAX_LONG_POLLS: integer(0, MAX_COUNT, 500),
  REQRUN_MAX_ATTEMPTS_IN_FLIGHT: integer(1, MAX_COUNT, 5_000),
  REQRUN_MAX_CALLS_PER_SECOND: integer(0, MAX_COUNT, 0).transform((count) => count || null),
  REQRUN_ALLOW_OPEN: flag,
  ...StreamEnvironment,
  REQRUN_ALLOWED_HOSTS: allowedHosts,
  REQRUN_METRICS_HOST: listenAddress,
  REQRUN_METRICS_PORT: port(0),
  REQRUN_ALLOW_PLAIN_UPSTREAM: flag,
  REQRUN_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { error: 'must be a pino level' })
    .default('info'),
  REQRUN_KEYS_FILE: z.string().optional(),
  REQRUN_ENCRYPTION_KEYS: encryptionKeys,
  REQRUN_CODEC_SERVER: flag,
  REQRUN_CODEC_PORT: integer(1, 65_535, 8081),
  REQRUN_CODEC_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{32,}$/, 'must be at least 32 visible ASCII characters')
    .optional(),
});
/** The same schema, used when REQRUN_ALLOW_PLAIN_UPSTREAM=1. */
const PlainEnvironment = Environment.extend({ OPENAI_BASE_URL: upstreamUrl(true).optional() });

const ALL_VARIABLES = { ...Environment.shape, ...ClientEnvironment.shape };

export type Config = ReturnType<typeof toConfig>;

/** The variables this file reads. config-variables.ts describes them; a test compares both. */
export const CONFIG_VARIABLES: readonly string[] = Object.keys(ALL_VARIABLES);

/** The value of each variable that is not set, as the schema fills it in; undefined or null where there is none. */
export function configDefaults(): Readonly<Record<string, unknown>> {
  const defaults = Object.entries(ALL_VARIABLES).map(([name, schema]) => [
    name,
    schema.safeParse(undefined).data,
  ]);
  return Object.fromEntries(defaults);
}

/** All faults of the environment, one line per variable and never with a value. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n- ${faults.join('\n- ')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/**
 * Loads the configuration of a process that listens on HOST. A HOST that does not resolve is a fault like any
 * other.
 *
 * @throws ConfigError
 */
export async function loadListeningConfig(env: NodeJS.ProcessEnv = process.env): Promise<Config> {
  return loadConfig(env, await resolves(env['HOST'] || '127.0.0.1'));
}

/**
 * Loads the configuration from the environment.
 *
 * @throws ConfigError with all faults
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, hostResolves = true): Config {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = (allowsPlainUpstream(set) ? PlainEnvironment : Environment).safeParse(
    withProxiesInCapitals(set),
  );
  const faults = parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`);
  const temporal = readTemporal(set, faults);
  const values = parsed.data;
  const isOpen = values?.REQRUN_KEYS_FILE === undefined;
  if (!hostResolves) {
    faults.push('HOST does not resolve to an address (conda exports one such): set HOST=127.0.0.1');
  } else if (values !== undefined && isOpen && values.REQRUN_ALLOW_OPEN === '0' && !isLoopback(values.HOST)) {
    faults.push(
      'HOST must be a loopback address, as 127.0.0.1: without REQRUN_KEYS_FILE the service is open (REQRUN_ALLOW_OPEN=1 to insist)',
    );
  }
  if (values?.REQRUN_CODEC_SERVER === '1' && values.REQRUN_ENCRYPTION_KEYS === undefined) {
    faults.push('REQRUN_CODEC_SERVER has nothing to decrypt without REQRUN_ENCRYPTION_KEYS');
  }
  if (set['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    faults.push('NODE_TLS_REJECT_UNAUTHORIZED must not be 0: anybody could answer as the upstream');
  }
  if (values === undefined || faults.length > 0) throw new ConfigError(faults);
  return toConfig(values, temporal, set);
}

/** The settings of the keys command. `keysFile` is null when no file is configured. */
export function loadKeysSettings(
  env: NodeJS.ProcessEnv = process.env,
): Pick<Config, 'keysFile' | 'allowPlainUpstream'> {
  return { keysFile: env['REQRUN_KEYS_FILE'] || null, allowPlainUpstream: allowsPlainUpstream(env) };
}

/**
 * Loads the settings of `reqrun requests`.
 *
 * @param url the address from the command line, which takes precedence over REQRUN_URL. Undefined = none
 * @throws ConfigError with all faults
 */
export function loadClientSettings(url?: string, env: NodeJS.ProcessEnv = process.env): ClientSettings {
  const { settings, faults } = readClientSettings(env, url);
  if (settings === null) throw new ConfigError(faults);
  return settings;
}

/** The value of a variable that the keys file names. Only the worker reads it. Null when it is not set. */
export function secretOf(name: string, env: NodeJS.ProcessEnv = process.env): string | null {
  return (Object.hasOwn(env, name) ? env[name] : undefined) || null;
}

function allowsPlainUpstream(env: NodeJS.ProcessEnv): boolean {
  return env['REQRUN_ALLOW_PLAIN_UPSTREAM'] === '1';
}

function toConfig(
  values: z.output<typeof Environment>,
  temporal: NamedTemporal,
  env: Record<string, string | undefined>,
) {
  return {
    host: values.HOST,
    port: values.PORT,
    logLevel: values.REQRUN_LOG_LEVEL,
    /** Null = no API keys: the service is open. */
    keysFile: values.REQRUN_KEYS_FILE ?? null,
    /** Whether an open service may listen on an address other than loopback. */
    allowOpen: values.REQRUN_ALLOW_OPEN === '1',
    /** Host names that an open service accepts in addition to loopback; null = any. */
    allowedHosts: values.REQRUN_ALLOWED_HOSTS && [values.HOST, ...values.REQRUN_ALLOWED_HOSTS],
    /** Whether upstreams outside loopback may have http addresses, here and in the keys file. */
    allowPlainUpstream: values.REQRUN_ALLOW_PLAIN_UPSTREAM === '1',
    taskQueue: values.REQRUN_TASK_QUEUE,
    /** Null = no upstream is configured, so the demo upstream is used. */
    upstream:
      values.OPENAI_API_KEY === undefined && values.OPENAI_BASE_URL === undefined
        ? null
        : {
            baseURL: values.OPENAI_BASE_URL ?? 'https://api.openai.com/v1',
            apiKey: values.OPENAI_API_KEY ?? null,
            streams: values.REQRUN_UPSTREAM_STREAM === '1',
            streamUsage: values.REQRUN_UPSTREAM_STREAM_USAGE === '1',
            /** The header names that the SDK uses. */
            accountHeaders: {
              ...(values.OPENAI_ORG_ID && { 'openai-organization': values.OPENAI_ORG_ID }),
              ...(values.OPENAI_PROJECT_ID && { 'openai-project': values.OPENAI_PROJECT_ID }),
            },
          },
    /** Null = no additional headers are sent. */
    upstreamHeadersFile: values.REQRUN_UPSTREAM_HEADERS_FILE ?? null,
    /** The proxies of upstream calls. */
    proxies: {
      https: values.HTTPS_PROXY ?? null,
      http: values.HTTP_PROXY ?? null,
      exceptions: values.NO_PROXY,
    },
    /** `external` is null when no Temporal server is configured: `npm start` then starts the embedded one. */
    temporal,
    temporalUiUrl: values.REQRUN_TEMPORAL_UI_URL?.replace(/\/+$/, '') ?? null,
    embedded: {
      dataDir: values.REQRUN_DATA_DIR,
      cacheDir: values.REQRUN_CACHE_DIR ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'reqrun'),
      /** A mirror or a path; null = Temporal's own release. */
      cliUrl: values.REQRUN_TEMPORAL_CLI_URL ?? null,
      port: values.REQRUN_TEMPORAL_PORT,
      uiPort: values.REQRUN_TEMPORAL_UI_PORT,
      retentionHours: values.REQRUN_RETENTION_HOURS,
    },
    http: {
      defaultWaitSeconds: Math.min(values.REQRUN_DEFAULT_WAIT_SECONDS, values.REQRUN_MAX_WAIT_SECONDS),
      waitSeconds: Math.min(values.REQRUN_WAIT_SECONDS, values.REQRUN_MAX_WAIT_SECONDS),
      maxWaitSeconds: values.REQRUN_MAX_WAIT_SECONDS,
    },
    largeTexts: toLargeTextSettings(values),
    /** Concurrency limits, and the rate of calls; see docs/configuration.md. */
    limits: {
      connections: values.REQRUN_MAX_CONNECTIONS,
      accepting: values.REQRUN_MAX_ACCEPTING,
      acceptingBytes: values.REQRUN_MAX_ACCEPTING_BYTES,
      acceptMs: values.REQRUN_ACCEPT_SECONDS * 1000,
      reading: values.REQRUN_MAX_READING,
      waiters: values.REQRUN_MAX_WAITERS,
      longPolls: values.REQRUN_MAX_LONG_POLLS,
      attemptsInFlight: values.REQRUN_MAX_ATTEMPTS_IN_FLIGHT,
      /** Null = no limit. */
      callsPerSecond: values.REQRUN_MAX_CALLS_PER_SECOND,
    },
    /** The Redis that carries the events of streams between processes. Null = none. */
    streamUrl: values.REQRUN_STREAM_URL ?? null,
    /** Null = metrics are disabled. */
    metrics:
      values.REQRUN_METRICS_PORT === 0
        ? null
        : { host: values.REQRUN_METRICS_HOST, port: values.REQRUN_METRICS_PORT },
    /** Null = payloads are stored in plain text. */
    encryption: values.REQRUN_ENCRYPTION_KEYS ?? null,
    /** Null = the codec server is disabled. */
    codecServer:
      values.REQRUN_CODEC_SERVER === '0' || values.REQRUN_ENCRYPTION_KEYS === undefined
        ? null
        : {
            keys: values.REQRUN_ENCRYPTION_KEYS,
            port: values.REQRUN_CODEC_PORT,
            token: values.REQRUN_CODEC_TOKEN ?? null,
          },
    /** Null = the default of the process: 60 s with embedded Temporal, 15 s otherwise. */
    heartbeatTimeoutSeconds: values.REQRUN_HEARTBEAT_TIMEOUT_SECONDS,
    shutdownGraceMs: values.REQRUN_SHUTDOWN_GRACE_SECONDS * 1000,
    /** True when npm started the process. Such a process stops when npm is gone. */
    startedByNpm: env['npm_lifecycle_event'] !== undefined,
    /** The environment for child processes. They get only what `childEnv` passes on. */
    env,
  };
}

function readTemporal(env: Record<string, string | undefined>, faults: string[]): NamedTemporal {
  try {
    return readNamedTemporal(env);
  } catch {
    faults.push('TEMPORAL_* variables or the Temporal profile cannot be read');
    return { namespace: 'default', external: null };
  }
}
