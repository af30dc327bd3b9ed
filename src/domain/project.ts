import { Refusal } from './refusal.ts';

/** The project that a request belongs to. Only the API key determines it. */
export interface Project {
  readonly name: string;
  readonly limits: ProjectLimits;
  /** The wait of a call that does not ask for one; null = the default of the service. */
  readonly defaultWaitSeconds: number | null;
  /** The times of streams for a call that names none; null = as long as the attempt. */
  readonly streamTimeouts: StreamTimeouts;
  /** The models that the project may use; null = any. */
  readonly models: readonly string[] | null;
}

/** Options of a streamed attempt, in seconds. */
export interface StreamTimeouts {
  readonly first_event_timeout_seconds: number | null;
  readonly silence_timeout_seconds: number | null;
}

/** The limits of a project; null = no limit of its own. */
export interface ProjectLimits {
  /** POSTs per minute that start work, in each process. */
  readonly requestsPerMinute: number | null;
  /** POSTs in flight at the same time, handled or held, in each process. */
  readonly inFlight: number | null;
  /**
   * Callers held at the same time by `wait`, in each process. Over this limit, a caller gets its answer
   * early.
   */
  readonly waiters: number | null;
  readonly caps: OptionCaps;
}

/** Upper bounds of a request's options; null = the bound that applies to every request. */
export interface OptionCaps {
  readonly deadline_seconds: number | null;
  readonly max_attempts: number | null;
}

export const NO_CAPS: OptionCaps = { deadline_seconds: null, max_attempts: null };

/**
 * The project used without a keys file. A key may also be made for it. Its workflow ids carry no `@project/`
 * prefix.
 */
export const DEFAULT_PROJECT = 'default';

/** Creates a project without limits. */
export function plainProject(name: string): Project {
  return {
    name,
    limits: { requestsPerMinute: null, inFlight: null, waiters: null, caps: NO_CAPS },
    defaultWaitSeconds: null,
    streamTimeouts: { first_event_timeout_seconds: null, silence_timeout_seconds: null },
    models: null,
  };
}

/** The holder of an API key. */
export interface KeyHolder {
  readonly project: Project;
  /** The id of the key. It is not secret. */
  readonly keyId: string;
  /** Whether a signature (hex) is valid for a text; null = calls with this key need no signature. */
  readonly isSignature: ((text: string, signature: string) => boolean) | null;
}

/**
 * Refuses a model that the project may not use. Called whenever a run is about to start.
 *
 * @param models null = any
 * @param model null = the upstream would choose it, which a project with a list of models may not let it do
 * @throws Refusal `model_not_allowed`
 */
export function requireAllowed(models: readonly string[] | null, model: string | null): void {
  if (models === null || (model !== null && models.includes(model))) return;
  throw new Refusal('model_not_allowed', {
    param: 'model',
    ...(model === null
      ? { message: 'The project may use some models only, so the call must name one.' }
      : {}),
  });
}
