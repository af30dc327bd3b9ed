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

/** More at once than is let in; nothing was accepted. The official SDKs send the call again. */
export function overloaded(): Refusal {
  return new Refusal('overloaded', { retryAfterSeconds: 1, shouldRetry: true });
}

/**
 * A start was sent and nobody knows what became of it.
 *
 * @param shouldRetry false for a request without a key: sent again, it would be another one
 */
export function acceptanceUnknown(
  requestId: string,
  { shouldRetry, cause }: { shouldRetry: boolean; cause: unknown },
): Refusal {
  return new Refusal('acceptance_unknown', { requestId, retryAfterSeconds: 2, shouldRetry, cause });
}

/** Temporal is out of reach and nothing was accepted. */
export function unavailable(cause?: unknown): Refusal {
  return new Refusal('service_unavailable', { retryAfterSeconds: 2, shouldRetry: true, cause });
}
