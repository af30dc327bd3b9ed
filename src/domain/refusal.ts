import { ERROR_CATALOGUE, type RefusalCode } from './error-catalogue.ts';

/** What a refusal may contain in addition to its code. */
interface RefusalOptions {
  /** Our own text, never input. The default is the meaning in the catalogue. */
  readonly message?: string;
  /** The field at fault, as a dotted path. */
  readonly param?: string;
  /** The id of the record to read, when there may be one (`acceptance_unknown`). */
  readonly requestId?: string;
  readonly retryAfterSeconds?: number;
  /** Sent as `x-should-retry`. False = the official SDKs must not send the call again by themselves. */
  readonly shouldRetry?: boolean;
  readonly cause?: unknown;
}

/**
 * A call that was not accepted. Any code between the route and Temporal may throw it; one handler answers it.
 */
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

/** The official Node SDK ignores a longer `Retry-After` and sends the call again after half a second. */
const MAX_RETRY_AFTER_SECONDS = 60;

/**
 * A limit of the service is reached. Nothing was accepted, and the official SDKs send the call again.
 *
 * @param afterSeconds when a place is expected. Rounded up, to 1 to 60 s
 */
export function overloaded(afterSeconds = 1): Refusal {
  const retryAfterSeconds = Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, Math.ceil(afterSeconds)));
  return new Refusal('overloaded', { retryAfterSeconds, shouldRetry: true });
}

/**
 * A start was sent to Temporal, and its result is unknown.
 *
 * @param shouldRetry false for a request without a key, because sending it again would create another request
 */
export function acceptanceUnknown(
  requestId: string,
  { shouldRetry, cause }: { shouldRetry: boolean; cause: unknown },
): Refusal {
  return new Refusal('acceptance_unknown', { requestId, retryAfterSeconds: 2, shouldRetry, cause });
}

/** Temporal cannot be reached, and nothing was accepted. */
export function unavailable(cause?: unknown): Refusal {
  return new Refusal('service_unavailable', { retryAfterSeconds: 2, shouldRetry: true, cause });
}
