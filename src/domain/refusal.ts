import { ERROR_CATALOGUE, type RefusalCode } from './error-catalogue.ts';

/** What a refusal may carry beside its code. */
interface RefusalOptions {
  /** Ours, never input; the catalogue's meaning where absent. */
  readonly message?: string;
  /** The field at fault, as a dotted path. */
  readonly param?: string;
  /** The record the caller should look at, where there may be one (`acceptance_unknown`). */
  readonly requestId?: string;
  readonly retryAfterSeconds?: number;
  /** False where the official SDKs must not send the call again by themselves. */
  readonly shouldRetry?: boolean;
  readonly cause?: unknown;
}

/** A call that was not accepted. Thrown anywhere between the route and Temporal; one handler answers it. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly param: string | null;
  readonly requestId: string | null;
  readonly retryAfterSeconds: number | null;
  readonly shouldRetry: boolean | null;

  constructor(code: RefusalCode, options: RefusalOptions = {}) {
    super(options.message ?? ERROR_CATALOGUE[code].meaning, { cause: options.cause });
    this.name = 'Refusal';
    this.code = code;
    this.param = options.param ?? null;
    this.requestId = options.requestId ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.shouldRetry = options.shouldRetry ?? null;
  }
}
