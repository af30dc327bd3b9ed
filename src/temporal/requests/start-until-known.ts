import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { GrpcCode, grpcCode } from '../grpc.ts';
import type { Started } from './first-of-equals.ts';
import { unavailable, withinBudget, type RpcBudget } from '../rpc-budget.ts';

/** One try may take this long; the budget holds two of them. */
export const TRY_MS = 2_000;
/** Between two tries: an error that comes at once must not be asked for a thousand times. */
const PAUSE_MS = 200;
/** With less than this left, another try could not be answered. */
const LAST_TRY_MS = 500;

/** Answered before anything is done; what is not found is the namespace. */
const REFUSED: ReadonlySet<number> = new Set([
  GrpcCode.notFound,
  GrpcCode.permissionDenied,
  GrpcCode.unimplemented,
  GrpcCode.unauthenticated,
]);

/**
 * Makes a start, again while its answer is missing: its id, and the id of the start itself, make that harmless.
 *
 * @param start one try, given up at the time it is told (Unix ms)
 * @returns `unknown` with the last error when the budget ends without an answer
 * @throws Refusal `service_unavailable` when Temporal's answer is that it takes no starts from us
 */
export async function startUntilKnown(
  start: (untilMs: number) => Promise<unknown>,
  budget: RpcBudget,
): Promise<Started | { readonly unknown: unknown }> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      await withinBudget(budget, start(Math.min(Date.now() + TRY_MS, budget.deadlineMs)));
      return 'started';
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already started';
      const code = grpcCode(error);
      // Temporal refused the start, which therefore did not happen.
      if (code === GrpcCode.invalidArgument) throw error;
      // After a try without an answer, a refusal no longer says that nothing was accepted.
      if (isFirst && code !== null && REFUSED.has(code)) throw unavailable(error);
      if (budget.leftMs() <= LAST_TRY_MS) return { unknown: error };
      await sleep(PAUSE_MS);
    }
  }
}
