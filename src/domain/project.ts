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
