import type { KeyHolder, Project } from '../domain/project.ts';
import { hashApiKey, isApiKey } from './api-key.ts';
import type { KeyEntry, KeysFile, ProjectEntry } from './keys-file.ts';
import { isSignature, openSigningSecret } from './signing-secret.ts';
import type { HeaderSources } from './upstream-headers.ts';

/**
 * The upstream of a project. It holds where the key and the header values are found, never the secrets
 * themselves.
 */
export interface ProjectUpstream {
  readonly baseURL: string;
  readonly apiKeyEnv: string | null;
  readonly apiKeyFile: string | null;
  readonly headers: HeaderSources;
  readonly sdkHeaders: boolean;
  /** Models that share one lane, by the name of the group. */
  readonly lanes: Readonly<Record<string, readonly string[]>>;
  /** Whether every call asks for its answer as a stream. */
  readonly streams: boolean;
  /** Whether streamed calls ask the upstream to report its usage. */
  readonly streamUsage: boolean;
}

/** One state of the keys file, prepared for look-ups. */
export interface KeyRing {
  /**
   * Returns null unless the text is an unrevoked key. A text that does not have the form of a key is not
   * hashed.
   */
  holderOf(key: string): KeyHolder | null;
  /** Null = the project has no upstream of its own; undefined = there is no such project. */
  upstreamOf(project: string): ProjectUpstream | null | undefined;
  /** The project's share of the turns in a lane, in relation to other projects. Default 1. */
  weightOf(project: string): number;
}

export function createKeyRing({ projects: entries, keys }: KeysFile): KeyRing {
  const projects = new Map(Object.entries(entries).map(([name, entry]) => [name, toProject(name, entry)]));
  const upstreams = new Map(Object.entries(entries).map(([name, entry]) => [name, toUpstream(entry)]));
  // Looked up by hash. The time of a look-up may reveal how far two hashes agree, but that reveals nothing
  // about a key.
  const byHash = new Map(
    keys.filter(({ revoked_at }) => revoked_at === undefined).map((entry) => [entry.sha256, entry]),
  );
  return {
    holderOf: (key) => {
      const entry = isApiKey(key) ? byHash.get(hashApiKey(key)) : undefined;
      const project = entry === undefined ? undefined : projects.get(entry.project);
      return entry === undefined || project === undefined ? null : toHolder(entry, project, key);
    },
    upstreamOf: (project) => upstreams.get(project),
    weightOf: (project) => entries[project]?.limits.weight ?? 1,
  };
}

function toHolder({ id, signing }: KeyEntry, project: Project, apiKey: string): KeyHolder {
  if (signing === undefined) return { project, keyId: id, isSignature: null };
  const secret = openSigningSecret(signing, { keyId: id, apiKey });
  // With a sealed secret that was altered in the file, no signature is valid.
  return {
    project,
    keyId: id,
    isSignature: (text, signature) => secret !== null && isSignature(secret, text, signature),
  };
}

function toProject(name: string, entry: ProjectEntry): Project {
  const { limits, default_wait_seconds, models } = entry;
  return {
    name,
    limits: {
      requestsPerMinute: limits.requests_per_minute ?? null,
      inFlight: limits.in_flight ?? null,
      waiters: limits.waiters ?? null,
      caps: {
        deadline_seconds: limits.deadline_seconds ?? null,
        max_attempts: limits.max_attempts ?? null,
      },
    },
    defaultWaitSeconds: default_wait_seconds ?? null,
    streamTimeouts: {
      first_event_timeout_seconds: entry.first_event_timeout_seconds ?? null,
      silence_timeout_seconds: entry.silence_timeout_seconds ?? null,
    },
    models: models ?? null,
  };
}

function toUpstream({ upstream }: ProjectEntry): ProjectUpstream | null {
  if (upstream === undefined) return null;
  return {
    baseURL: upstream.base_url,
    apiKeyEnv: upstream.api_key_env ?? null,
    apiKeyFile: upstream.api_key_file ?? null,
    headers: upstream.headers ?? {},
    sdkHeaders: upstream.sdk_headers ?? true,
    lanes: upstream.lanes ?? {},
    streams: upstream.stream ?? false,
    streamUsage: upstream.stream_usage ?? true,
  };
}
