import { isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { Refusal, unavailable } from '../../domain/refusal.ts';

/**
 * Budget for all Temporal calls of one HTTP request together, because the API promises an answer within 5 s.
 */
export const CALL_BUDGET_MS = 4_500;

/** The time that one HTTP request may still spend on Temporal calls. */
export interface CallBudget {
  /** Unix ms. */
  readonly deadlineMs: number;
  leftMs(): number;
}

export function createCallBudget(ms: number = CALL_BUDGET_MS): CallBudget {
  const deadlineMs = Date.now() + ms;
  return { deadlineMs, leftMs: () => deadlineMs - Date.now() };
}

/** Budget for the last read during shutdown. */
const STOPPING_MS = 1_500;

/** Budget for the read after a wait. It is shorter if a shutdown ended the wait. */
export function afterWait(ended: AbortSignal): CallBudget {
  return createCallBudget(ended.aborted ? STOPPING_MS : CALL_BUDGET_MS);
}

/**
 * Rejects with `service_unavailable` if `call` takes longer than the budget. The deadline is enforced here
 * because the native client retries a refused connection past the deadline it was given.
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
 * Whether the error means that Temporal's answer is missing. `overloaded` counts too: a read whose turn did
 * not come ends with it. That code claims that nothing was accepted, which may be false if a change was sent
 * before the read.
 */
export function isNotAnswered(error: unknown): boolean {
  return error instanceof Refusal && (error.code === 'service_unavailable' || error.code === 'overloaded');
}

/**
 * Makes a change and reads the result. If Temporal does not answer, the error reports that the change may
 * have been accepted. Sending the change again is harmless.
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

/** The gRPC status codes that ReqRun distinguishes. */
export const GrpcCode = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

/** The gRPC status of a failed call, even if the SDK has wrapped the error. Null = any other error. */
export function grpcCode(error: unknown): number | null {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return isGrpcServiceError(cause) ? cause.code : null;
}

/** Whether the error means that Temporal does not have the workflow (any more). */
export function isNotFound(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || grpcCode(error) === GrpcCode.notFound;
}

/** Resolves to null if Temporal does not have the workflow (any more). Every other error is passed on. */
export async function orGone<T>(call: Promise<T>): Promise<T | null> {
  return call.catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
}
