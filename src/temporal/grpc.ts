import { isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';

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
