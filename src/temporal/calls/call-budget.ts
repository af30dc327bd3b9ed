import { isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { Refusal, unavailable } from '../../domain/refusal.ts';

/** All Temporal calls of one HTTP request together; an answer is promised within 5 s. */
export const CALL_BUDGET_MS = 4_500;

/** The time one HTTP request may still spend on Temporal. */
export interface CallBudget {
  /** Unix ms. */
  readonly deadlineMs: number;
  leftMs(): number;
}

export function createCallBudget(ms: number = CALL_BUDGET_MS): CallBudget {
  const deadlineMs = Date.now() + ms;
  return { deadlineMs, leftMs: () => deadlineMs - Date.now() };
}

/** A process that stops has no time for a slow answer. */
const STOPPING_MS = 1_500;

/** For the read after a wait, which a stop may have ended. */
export function afterWait(ended: AbortSignal): CallBudget {
  return createCallBudget(ended.aborted ? STOPPING_MS : CALL_BUDGET_MS);
}

/**
 * Rejects with `service_unavailable` when `call` takes longer than the budget. The native client retries a
 * refused connection beyond the deadline it was given, so the deadline is kept here.
 */
export async function withinBudget<T>(budget: CallBudget, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable()), Math.max(0, budget.leftMs()));
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}

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

/** gRPC's status codes, as far as they are told apart here. */
export const GrpcCode = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

/** The status of a failed call, also where the SDK has wrapped it; null for any other error. */
export function grpcCode(error: unknown): number | null {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return isGrpcServiceError(cause) ? cause.code : null;
}

/** Whether Temporal has no such workflow (any more). */
export function isNotFound(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || grpcCode(error) === GrpcCode.notFound;
}

/** Null where Temporal has no such workflow (any more); every other failure is the call's own. */
export async function orGone<T>(call: Promise<T>): Promise<T | null> {
  return call.catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
}
