import type { Limit } from './limit.ts';
import type { RawJson } from './raw-json.ts';
import type { RequestError, RequestRecord } from './record.ts';
import type { RequestOptions, RetryOptions } from './options.ts';
import type { OptionCaps } from './project.ts';
import type { Operation } from './operations.ts';
import type { RequestStatus } from './vocabulary.ts';

/** Where a new request's id comes from. */
export const NamedBy = {
  /** The caller's idempotency key: another call with it is the same request. */
  key: 'key',
  /** The nonce of a signed request without a key: only a replay has it again. */
  nonce: 'nonce',
  /** Every call is a request of its own. */
  chance: 'chance',
} as const;
export type NamedBy = (typeof NamedBy)[keyof typeof NamedBy];

/** A request as the HTTP edge hands it on: validated, ReqRun's own fields taken out. */
export interface NewRequest {
  /** The record's id. */
  readonly id: string;
  readonly namedBy: NamedBy;
  readonly operation: Operation;
  readonly model: string;
  /** SHA-256 hex of the operation and the canonical body: what "the same request" means. */
  readonly fingerprint: string;
  /** What is sent upstream, byte for byte. */
  readonly body: RawJson;
  readonly options: RequestOptions;
}

/** How long a caller is ready to be held. 0 ms = not at all; an aborted signal ends the wait early. */
export interface Wait {
  readonly ms: number;
  readonly signal: AbortSignal;
  /** Of its project: where none is left, the caller is answered at once. */
  readonly projectPlaces: Limit;
}

/** How a run ended. `result` is the upstream's own bytes. */
export type SettledRun =
  | { readonly kind: 'completed'; readonly result: Uint8Array }
  | { readonly kind: 'failed'; readonly error: RequestError };

/** A request that has not ended: the little its 202 says of it. */
export interface PendingRun {
  readonly kind: 'pending';
  readonly status: RequestStatus;
  readonly attempts: number;
  readonly lastErrorCode: string | null;
  readonly nextAttemptAt: string | null;
}

export interface Acceptance {
  readonly id: string;
  readonly createdAt: string;
  /** True when the key already had this request, running or ended. */
  readonly replayed: boolean;
  readonly run: SettledRun | PendingRun;
}

/** A record and its result's bytes, kept apart so that the bytes are never re-serialised. */
export interface StoredRequest {
  readonly record: Omit<RequestRecord, 'result'>;
  readonly result: Uint8Array | null;
}

/** A request whose cancellation was accepted. */
export interface CancelledRequest {
  readonly stored: StoredRequest;
  /** False: it was cancelled before this call. */
  readonly isNew: boolean;
}

/** A retry by hand. */
export interface RetryByHand {
  /** The run that is to be followed; where another has followed it already, that one is the answer. Null = the last. */
  readonly run: number | null;
  /** Over those of the last run. */
  readonly options: RetryOptions;
  /** Of the project, as they are now. */
  readonly caps: OptionCaps;
  /** The same; null = any. */
  readonly models: readonly string[] | null;
}

/** The durable store of requests, as the HTTP side sees it. */
export interface Requests {
  /** The requests of one project, by the ids its callers know; no other project's can be reached with them. */
  forProject(project: string): ProjectRequests;
  /** Whether Temporal answers, now. */
  reachable(): Promise<boolean>;
}

/**
 * All of them throw a {@link Refusal} (`service_unavailable`, `acceptance_unknown`, `idempotency_key_reused`,
 * ...) and answer within 5 s beyond the wait.
 */
export interface ProjectRequests {
  /** Accepts a request once, or joins the one that has its key. Resolves only when Temporal has it on disk. */
  submit(request: NewRequest, wait: Wait): Promise<Acceptance>;
  /** Null for an unknown id and for any workflow that is not a request. */
  read(id: string, wait: Wait): Promise<StoredRequest | null>;
  /**
   * Asks for the request's cancellation; resolves when Temporal has accepted it, to the record as it is then, or for a
   * request that is cancelled already to its record. Null as with `read`.
   * @throws Refusal `request_already_terminal` for a completed or failed one
   */
  cancel(id: string): Promise<CancelledRequest | null>;
  /**
   * Runs a failed or cancelled request again under its id. Calls at once are answered by one run. Null as with
   * `read`.
   * @throws Refusal `request_already_completed`, or `request_not_terminal` while its first run goes on; and
   *   `model_not_allowed` or `invalid_value` where the project may not begin such a run any more
   */
  retry(id: string, retry: RetryByHand): Promise<StoredRequest | null>;
  /**
   * Removes a terminal request with all its runs. From then on it cannot be read; its key is free once
   * Temporal has removed them. False for an id that `read` answers with null. @throws Refusal `request_not_terminal`
   */
  delete(id: string): Promise<boolean>;
}
