import { isGrpcServiceError, WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { Refusal } from '../domain/refusal.ts';
import type { NewRequest } from '../domain/requests.ts';
import { withinBudget, type RpcBudget } from './rpc-budget.ts';
import { startRun, type StartSettings } from './start-run.ts';

/** One try may take this long; the budget holds two of them. */
const TRY_MS = 2_000;

/** gRPC's INVALID_ARGUMENT: Temporal refused the start, which therefore did not happen. */
const INVALID_ARGUMENT = 3;

/**
 * Starts the run, trying again with the same id while the answer is missing: the id makes that harmless.
 * Throws `acceptance_unknown` with the id when the budget ends without an answer.
 */
export async function startUntilKnown(
  client: Client,
  settings: StartSettings,
  id: string,
  request: NewRequest,
  createdAt: string,
  budget: RpcBudget,
): Promise<'started' | 'already started'> {
  for (;;) {
    const tryUntilMs = Math.min(Date.now() + TRY_MS, budget.deadlineMs);
    const start = client.connection.withDeadline(tryUntilMs, () =>
      startRun(client, settings, id, request, createdAt),
    );
    try {
      await withinBudget(budget, start);
      return 'started';
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already started';
      if (isInvalidArgument(error)) throw error;
      if (budget.leftMs() <= TRY_MS / 4) {
        const withoutKey = request.key === null;
        throw new Refusal('acceptance_unknown', {
          requestId: id,
          retryAfterSeconds: 2,
          shouldRetry: !withoutKey,
          cause: error,
        });
      }
    }
  }
}

function isInvalidArgument(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT;
}
