import { CancelledFailure } from '@temporalio/common';

/**
 * Whether an activity's cancellation was asked for by the request's caller or operator. The SDK aborts the
 * same signal when the worker stops or the server has given up on the attempt; its message tells them apart.
 */
export function isCancelRequest(reason: unknown): boolean {
  return reason instanceof CancelledFailure && reason.message === 'CANCELLED';
}
