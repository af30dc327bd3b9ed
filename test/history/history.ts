/** What a client did. */
export type ClientOperation = 'post' | 'get' | 'cancel' | 'retry' | 'delete';

/** One call that a client of ReqRun made, and the answer it saw. */
export interface SeenAnswer {
  readonly operation: ClientOperation;
  /** Whether a route of `/v1/responses` was called: then a 200 and a 202 show a Response. */
  readonly isResponse: boolean;
  /** The idempotency key of a POST (null: none), else the id that was asked for. */
  readonly key: string | null;
  /** Names the body of a POST: equal names, the same request. */
  readonly sent: string | null;
  /** By one monotonic clock; an answer's interval is from the first byte sent to the last one read. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** Null = no answer: the connection broke, or the caller left. */
  readonly status: number | null;
  readonly text: string;
  /** x-request-id. */
  readonly id: string | null;
  /** Idempotent-Replayed. */
  readonly replayed: boolean;
  /** x-reqrun-error-code: the answer is a recorded failure. */
  readonly failureCode: string | null;
}

/** One call in the upstream's own journal. */
export interface SeenCall {
  /** The record's id and the attempt's number, from X-Client-Request-Id. */
  readonly id: string;
  readonly attempt: number;
  readonly seq: number;
  readonly model: string;
  /** Whether the upstream did the work, whatever became of its answer; false for a refusal such as 429. */
  readonly ran: boolean;
}

/** Everything that was seen from outside in one run under faults. */
export interface History {
  readonly answers: readonly SeenAnswer[];
  readonly calls: readonly SeenCall[];
  /** When the faults were over and everything had been given its time; reads from then on are final. */
  readonly quietAtMs: number;
}

/** Whether `first` was over before `second` began: only then is their order known. */
export function isBefore(
  first: { readonly endedMs: number },
  second: { readonly startedMs: number },
): boolean {
  return first.endedMs < second.startedMs;
}
