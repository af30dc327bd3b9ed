import { CancelledFailure } from '@temporalio/common';

/** Why a call is broken off before its end. */
export const Cancellation = {
  /** The request's cancellation, as Temporal told it with a heartbeat's answer. */
  toldByTemporal: 'told by Temporal',
  /** The same, told within this process ahead of the next heartbeat. */
  toldHere: 'told here',
  /** The worker stops, or the server has given up on the attempt. */
  interrupted: 'interrupted',
} as const;
export type Cancellation = (typeof Cancellation)[keyof typeof Cancellation];

/** Null while neither signal is aborted. The SDK aborts its own for all its reasons; the message tells them apart. */
export function toCancellation(temporals: AbortSignal, ours: AbortSignal): Cancellation | null {
  if (temporals.aborted) {
    const { reason } = temporals;
    const asked = reason instanceof CancelledFailure && reason.message === 'CANCELLED';
    return asked ? Cancellation.toldByTemporal : Cancellation.interrupted;
  }
  return ours.aborted ? Cancellation.toldHere : null;
}
