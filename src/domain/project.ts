import { Refusal } from './refusal.ts';

/** Whose request it is. The API key resolves the project; nothing else does. */
export interface Project {
  readonly name: string;
  readonly limits: ProjectLimits;
  /** When the call says nothing; null = the service's. */
  readonly defaultWaitSeconds: number | null;
  /** What it may ask the upstream for; null = anything. */
  readonly models: readonly string[] | null;
}

/** What a project may have; null = no limit of its own. */
export interface ProjectLimits {
  /** POSTs that begin work, in each process. */
  readonly requestsPerMinute: number | null;
  /** POSTs that are being handled or held at once, in each process. */
  readonly inFlight: number | null;
  /** Callers held at once by `wait`, in each process; those beyond get their answer early. */
  readonly waiters: number | null;
  readonly caps: OptionCaps;
}

/** The most that a request's options may say; null = what every request may. */
export interface OptionCaps {
  readonly deadline_seconds: number | null;
  readonly max_attempts: number | null;
}

export const NO_CAPS: OptionCaps = { deadline_seconds: null, max_attempts: null };

/** Of an open service, and of a key made for it; its requests' ids are their workflows' ids. */
export const DEFAULT_PROJECT = 'default';

/** A project without limits. */
export function plainProject(name: string): Project {
  return {
    name,
    limits: { requestsPerMinute: null, inFlight: null, waiters: null, caps: NO_CAPS },
    defaultWaitSeconds: null,
    models: null,
  };
}

/** Who sends a key. */
export interface KeyHolder {
  readonly project: Project;
  /** Names the key, and is no secret. */
  readonly keyId: string;
  /** Whether a signature (hex) is this key's of a text; null = its calls need none. */
  readonly isSignature: ((text: string, signature: string) => boolean) | null;
}

/**
 * A project's models, asked for whenever a run is about to begin.
 *
 * @param models null = it may use any
 * @throws Refusal `model_not_allowed`
 */
export function requireAllowed(models: readonly string[] | null, model: string): void {
  if (models !== null && !models.includes(model)) throw new Refusal('model_not_allowed', { param: 'model' });
}
