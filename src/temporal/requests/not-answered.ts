import { Refusal } from '../../domain/refusal.ts';

/** Temporal did not answer a call that may have been carried out; sending it again is harmless. */
export function notAnswered(what: 'cancellation' | 'retry' | 'deletion', cause: unknown): Refusal {
  return new Refusal('service_unavailable', {
    message: `Temporal did not answer in time, so the ${what} may have been accepted: GET the record, or send it again.`,
    retryAfterSeconds: 2,
    shouldRetry: true,
    cause,
  });
}
