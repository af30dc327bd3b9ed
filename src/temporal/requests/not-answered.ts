import { Refusal } from '../../domain/refusal.ts';

/**
 * Whether Temporal's answer is missing; any other error says something by itself. A read that found no turn is
 * `overloaded`, which would say that nothing was accepted: not so where a change came before it.
 */
export function isNotAnswered(error: unknown): boolean {
  return error instanceof Refusal && (error.code === 'service_unavailable' || error.code === 'overloaded');
}

/**
 * Makes a change and reads what came of it. Where Temporal does not answer, the change may have been carried
 * out, and the refusal says so; sending it again is harmless.
 */
export async function orNotAnswered<T>(
  what: 'cancellation' | 'retry' | 'deletion',
  change: () => Promise<T>,
): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (!isNotAnswered(error)) throw error;
    throw new Refusal('service_unavailable', {
      message: `Temporal did not answer in time, so the ${what} may have been accepted: GET the record, or send it again.`,
      retryAfterSeconds: 2,
      shouldRetry: true,
      cause: error,
    });
  }
}
