import type { Journal } from './journal.ts';
import type { Limit, Place } from './limit.ts';
import type { BlobRef, TextOrRef } from './raw-json.ts';
import type { RequestError, RequestRecord } from './record.ts';
import type { NewBody, OpenedText } from './request-text.ts';
import type { RequestOptions, RetryOptions } from './options.ts';
import type { OptionCaps } from './project.ts';
import type { Operation } from './operations.ts';
import type { StreamFollower, StreamPosition } from './streams/channel.ts';
import type { StreamCuts } from './streams/cuts.ts';
import type { RequestStatus } from './vocabulary.ts';

/** Where the id of a new request comes from. */
export const NamedBy = {
  /** The caller's idempotency key. Another call with the same key is the same request. */
  key: 'key',
  /** The nonce of a signed request without a key. Only a replay has the same nonce. */
  nonce: 'nonce',
  /** Random. Every call is a new request. */
  chance: 'chance',
} as const;
export type NamedBy = (typeof NamedBy)[keyof typeof NamedBy];

/** A new request from the HTTP side: validated, and without ReqRun's own fields. */
export interface NewRequest {
  /** The record's id. */
  readonly id: string;
  readonly namedBy: NamedBy;
  readonly operation: Operation;
  /** Null when the call names none. */
  readonly model: string | null;
  /** SHA-256 hex of the operation and the canonical body. It defines "the same request". */
  readonly fingerprint: string;
  readonly body: NewBody;
  readonly options: RequestOptions;
  /** Null for other operations than responses. */
  readonly response: ResponseTerms | null;
  /** Whether the body asks for a stream. */
  readonly stream: boolean;
}

/**
 * What a Response shows as its caller knows it and not as the upstream sent it. As with the options, those of the
 * first call stay in force, so that every reader gets the same bytes.
 */
export interface ResponseTerms {
  readonly background: boolean;
  /** As the caller named it; null = none. */
  readonly previous_response_id: string | null;
}

/** The terms of a Response whose run carries none. */
export const NO_TERMS: ResponseTerms = { background: false, previous_response_id: null };

/** How long to hold a caller. 0 ms = not at all. An aborted signal ends the wait early. */
export interface Wait {
  readonly ms: number;
  readonly signal: AbortSignal;
  /** The limit on held callers of the project. When it is reached, the caller is answered at once. */
  readonly projectPlaces: Limit;
}

/** How a run ended. */
export type SettledRun = CompletedRun | { readonly kind: 'failed'; readonly error: RequestError };

/** A run with its result. */
export interface CompletedRun {
  readonly kind: 'completed';
  /** The upstream's own bytes, or the answer that the events of its stream make up; or where they are. */
  readonly result: TextOrRef;
  /** The number of the attempt that brought it. */
  readonly attempt: number;
  /** How it was cut into events. Null = it was not streamed. */
  readonly cuts: StreamCuts | null;
}

/** A run that has ended, with its result in memory. */
export type WholeRun =
  | (CompletedRun & { readonly result: Uint8Array })
  | { readonly kind: 'failed'; readonly error: RequestError };

/** The completed run of a result and of the journal that came with it. */
export function completedRun(result: TextOrRef, journal: Journal | null): CompletedRun {
  const { begun = 1, stream } = journal ?? {};
  return { kind: 'completed', result, attempt: begun, cuts: stream?.cuts ?? null };
}

/** The state of a request that has not ended, as its 202 shows it. */
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
  /** True when the key already belonged to this request, running or ended. */
  readonly replayed: boolean;
  readonly run: SettledRun | PendingRun;
  /** Null for other operations than responses. */
  readonly response: ResponseTerms | null;
}

/**
 * A record, and the bytes of its result or where they are. They are separate so that the bytes are never serialised
 * again.
 */
export interface StoredRequest {
  readonly record: Omit<RequestRecord, 'result'>;
  readonly result: TextOrRef | null;
  /** How the result was cut into events. Null = there is none, or it was not streamed. */
  readonly cuts: StreamCuts | null;
  /** Null for other operations than responses. */
  readonly response: ResponseTerms | null;
}

/** How a caller is held for a stream. */
export interface StreamHold {
  /** Ends the hold. The request goes on. */
  readonly signal: AbortSignal;
  /** The limit on held callers of the project. */
  readonly projectPlaces: Limit;
}

/** A request that a caller follows to its end. */
export interface FollowedRequest {
  readonly id: string;
  readonly createdAt: string;
  readonly operation: Operation;
  readonly model: string | null;
  /** True when the key already belonged to this request, running or ended. */
  readonly replayed: boolean;
  /** Null for other operations than responses. */
  readonly response: ResponseTerms | null;
  /** Attempts that were abandoned when the caller came. Their events are no part of the answer. */
  readonly abandoned: number;
  /**
   * Resolves when Temporal has the end of the request, to the run with its result in memory. Null = the hold has ended
   * before. Never rejects: a result that cannot be read is a failure.
   */
  readonly settled: Promise<WholeRun | null>;
  /** Reads the provisional events of its attempts. See {@link StreamSubscriber}. */
  follow(onChange: () => void, from: StreamPosition | null): StreamFollower;
  /** Frees the caller's place. */
  leave(): void;
}

/** A request whose cancellation was accepted. */
export interface CancelledRequest {
  readonly stored: StoredRequest;
  /** False when the request was already cancelled before this call. */
  readonly isNew: boolean;
}

/** A retry by hand. */
export interface RetryByHand {
  /**
   * The number of the run to retry; null = the last one. When a later run exists already, that run is the
   * answer.
   */
  readonly run: number | null;
  /** The options that change from the last run. */
  readonly options: RetryOptions;
  /** The current caps of the project. */
  readonly caps: OptionCaps;
  /** The current models of the project; null = any. */
  readonly models: readonly string[] | null;
}

/** The place of a POST from its first byte until Temporal has accepted it. */
export interface IntakePlace extends Place {
  /**
   * Corrects the size of the body once it has been read.
   *
   * @throws Refusal `overloaded` if all bodies together would be over their limit
   */
  hasBody(bytes: number): void;
}

/** The durable store of requests, as the HTTP side uses it. */
export interface Requests {
  /**
   * Takes the place of a POST, before its body is read.
   *
   * @param bodyBytes null = not known yet
   * @throws Refusal `overloaded` if there is no place, or if its turn would not come in time
   */
  enter(bodyBytes: number | null): IntakePlace;
  /**
   * The requests of one project, by the ids that its callers use. Those of other projects cannot be reached
   * with them.
   */
  forProject(project: string): ProjectRequests;
  /** Whether Temporal answers now. */
  reachable(): Promise<boolean>;
}

/**
 * The requests of one project. All methods may throw a {@link Refusal} (`service_unavailable`,
 * `acceptance_unknown`, `idempotency_key_reused`, ...), and finish at most 5 s after the end of the wait.
 * `submit` also waits for its turn before that.
 */
export interface ProjectRequests {
  /**
   * Accepts a new request in its turn, or joins the one that has its key. Resolves only when Temporal has it on
   * disk. The wait counts from acceptance. Frees the place at acceptance.
   */
  submit(request: NewRequest, wait: Wait, place: IntakePlace): Promise<Acceptance>;
  /** Reads a request. Null for an unknown id, and for any workflow that is not a request. */
  read(id: string, wait: Wait): Promise<StoredRequest | null>;
  /**
   * Accepts a new request or joins the one that has its key, as `submit` does, and follows it to its end.
   *
   * @throws Refusal `overloaded` before acceptance if the limit on held callers is reached
   */
  submitStreamed(request: NewRequest, hold: StreamHold, place: IntakePlace): Promise<FollowedRequest>;
  /**
   * Follows a request to its end. Null as with `read`.
   *
   * @throws Refusal `overloaded` if the limit on held callers is reached
   */
  followStream(id: string, hold: StreamHold): Promise<FollowedRequest | null>;
  /**
   * Opens a text of the request that is in the blob store, and checks it from its first to its last byte.
   *
   * @throws Refusal `blob_unreadable`, `service_unavailable`
   */
  open(id: string, text: BlobRef): Promise<OpenedText>;
  /**
   * Reads the body of a request: OpenAI's members, as they are sent upstream. Null as with `read`.
   */
  readBody(id: string): Promise<TextOrRef | null>;
  /**
   * Requests a cancellation. Resolves to the record once Temporal has accepted the cancellation. For a
   * request that is already cancelled, resolves to its record. Null as with `read`.
   *
   * @throws Refusal `request_already_terminal` for a completed or failed request
   */
  cancel(id: string): Promise<CancelledRequest | null>;
  /**
   * Runs a failed or cancelled request again under its id. Calls at the same time share one new run. Null as
   * with `read`.
   *
   * @throws Refusal `request_already_completed`; `request_not_terminal` while its first run is still going;
   *   `model_not_allowed` or `invalid_value` when the project may no longer start such a run
   */
  retry(id: string, retry: RetryByHand): Promise<StoredRequest | null>;
  /**
   * Deletes a terminal request with all its runs. It cannot be read from then on. Its key is free once
   * Temporal has removed all runs. False for an id that `read` answers with null.
   *
   * @throws Refusal `request_not_terminal`
   */
  delete(id: string): Promise<boolean>;
}
