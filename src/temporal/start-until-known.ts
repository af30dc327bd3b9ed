import { isGrpcServiceError, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { RpcBudget } from './rpc-budget.ts';
import { withinBudget } from './rpc-budget.ts';

/** One try may take this long; the budget holds two of them. */
const TRY_MS = 2_000;

/** gRPC's INVALID_ARGUMENT: Temporal refused the start, which therefore did not happen. */
const INVALID_ARGUMENT = 3;

/**
 * Makes a start, again while its answer is missing: its id, and the id of the start itself, make that harmless.
 *
 * @param start one try, given up at the time it is told (Unix ms)
 * @returns `unknown` with the last error when the budget ends without an answer
 */
export async function startUntilKnown(
  start: (untilMs: number) => Promise<unknown>,
  budget: RpcBudget,
): Promise<'started' | 'already started' | { readonly unknown: unknown }> {
  for (;;) {
    try {
      await withinBudget(budget, start(Math.min(Date.now() + TRY_MS, budget.deadlineMs)));
      return 'started';
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already started';
      if (isInvalidArgument(error)) throw error;
      if (budget.leftMs() <= TRY_MS / 4) return { unknown: error };
    }
  }
}

function isInvalidArgument(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT;
}
