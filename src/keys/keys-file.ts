import { z } from 'zod';
import { upstreamUrl } from '../domain/hosts.ts';
import { explainJsonFault, readStrictJson } from '../domain/strict-json.ts';
import { KeyKind } from './api-key.ts';
import { envName, setsAuthorization, UpstreamHeaders } from './upstream-headers.ts';

/** A project's name becomes part of its workflows' ids. */
export const PROJECT_NAME = /^[a-z0-9-]{1,20}$/;
/** Two, for rotation: the new key is used before the old one is revoked. */
export const MAX_KEYS_PER_PROJECT = 2;

/** A model in two groups would have two limits, of which only one could count. */
const LaneGroups = z
  .record(
    z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z, a-z, 0-9, ., _ and -'),
    z.array(z.string().min(1)).min(1),
  )
  .refine(
    (groups) => {
      const models = Object.values(groups).flat();
      return new Set(models).size === models.length;
    },
    { error: 'has a model in two groups' },
  );

const count = z.int().min(1).max(1_000_000);

const upstream = (allowPlain: boolean) =>
  UpstreamHeaders.extend({
    base_url: upstreamUrl(allowPlain),
    /** The name of the variable that holds the key, in the worker's environment. */
    api_key_env: envName.optional(),
    /** The path of a file that holds the key, on the worker's machine. */
    api_key_file: z.string().min(1).optional(),
    /** Models that share one rate limit, by a name for the group. */
    lanes: LaneGroups.optional(),
    /** Every call asks for its answer as a stream. */
    stream: z.boolean().optional(),
    /** Whether streamed calls ask the upstream to report its usage. */
    stream_usage: z.boolean().optional(),
  })
    .refine(({ api_key_env, api_key_file }) => api_key_env === undefined || api_key_file === undefined, {
      path: ['api_key_file'],
      error: 'cannot stand beside api_key_env',
    })
    .refine(
      ({ api_key_env, api_key_file, headers = {} }) =>
        (api_key_env === undefined && api_key_file === undefined) || !setsAuthorization(headers),
      { path: ['headers'], error: 'must not have authorization beside a key, which is sent in it' },
    );

const Limits = z.strictObject({
  requests_per_minute: count.optional(),
  in_flight: count.optional(),
  waiters: z.int().min(0).max(1_000_000).optional(),
  /** Share of the turns in a lane, in relation to other projects. */
  weight: z.number().min(0.01).max(100).optional(),
  deadline_seconds: z.int().min(1).max(604_800).optional(),
  max_attempts: z.int().min(1).max(1000).optional(),
});

const projectEntry = (allowPlain: boolean) =>
  z.strictObject({
    upstream: upstream(allowPlain).optional(),
    limits: Limits.default({}),
    default_wait_seconds: z.number().min(0).max(3600).optional(),
    first_event_timeout_seconds: z.int().min(1).max(3600).optional(),
    silence_timeout_seconds: z.int().min(1).max(3600).optional(),
    models: z.array(z.string().min(1)).optional(),
  });

const KeyEntry = z.strictObject({
  id: z.string().regex(/^key_[a-z0-9]{1,40}$/, 'must be key_ and letters or digits'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'),
  project: z.string(),
  kind: z.enum(KeyKind),
  /** The sealed signing secret, for a key whose calls must be signed. */
  signing: z
    .string()
    .regex(/^[A-Za-z0-9+/]{80,200}={0,2}$/, 'must be as `keys create --signed` wrote it')
    .optional(),
  created_at: z.iso.datetime(),
  revoked_at: z.iso.datetime().optional(),
});
export type KeyEntry = z.infer<typeof KeyEntry>;

/**
 * The content of `REQRUN_KEYS_FILE`: projects, and the hashes of their keys. Unknown names are refused,
 * because a misspelt limit would not limit anything.
 */
const keysFile = (allowPlain: boolean) =>
  z
    .strictObject({
      projects: z.record(
        z.string().regex(PROJECT_NAME, 'must be 1 to 20 of a-z, 0-9 and -'),
        projectEntry(allowPlain),
      ),
      keys: z.array(KeyEntry),
    })
    .superRefine(({ projects, keys }, context) => {
      const fault = (index: number, message: string): void =>
        context.addIssue({ code: 'custom', path: ['keys', index], message });
      keys.forEach(({ id, project, sha256, revoked_at }, index) => {
        const before = keys.slice(0, index);
        if (!Object.hasOwn(projects, project)) fault(index, 'names a project that is not in this file');
        if (before.some((key) => key.id === id || key.sha256 === sha256))
          fault(index, 'has the id or the hash of an earlier key');
        const active = activeKeys(before, project).length;
        if (revoked_at === undefined && active >= MAX_KEYS_PER_PROJECT) {
          fault(index, `is one more than the ${MAX_KEYS_PER_PROJECT} unrevoked keys a project may have`);
        }
      });
    });
export type KeysFile = z.infer<ReturnType<typeof keysFile>>;
export type ProjectEntry = z.infer<ReturnType<typeof projectEntry>>;

export const EMPTY_KEYS_FILE: KeysFile = { projects: {}, keys: [] };

/** All faults of a keys file, each with its place and never with a value. */
export class KeysFileError extends Error {
  constructor(faults: readonly string[]) {
    super(`The keys file cannot be used:\n- ${faults.join('\n- ')}`);
    this.name = 'KeysFileError';
  }
}

/**
 * Parses and validates the text of a keys file.
 *
 * @param allowPlain whether upstreams may have http addresses
 * @throws KeysFileError with all faults
 */
export function parseKeysFile(text: string, allowPlain = false): KeysFile {
  const json = readStrictJson(text);
  if ('fault' in json) throw new KeysFileError([explainJsonFault(json.fault)]);
  const parsed = keysFile(allowPlain).safeParse(json.value);
  if (parsed.success) return parsed.data;
  throw new KeysFileError(
    parsed.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`.trim()),
  );
}

/** The unrevoked keys of a project. */
export function activeKeys(keys: readonly KeyEntry[], project: string): readonly KeyEntry[] {
  return keys.filter((key) => key.project === project && key.revoked_at === undefined);
}
