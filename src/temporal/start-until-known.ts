import { isGrpcServiceError, WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewRequest } from '../domain/requests.ts';
import type { Started } from './first-of-equals.ts';
import { acceptanceUnknown, unavailable, withinBudget, type RpcBudget } from './rpc-budget.ts';
import { startRun, type StartSettings } from './start-run.ts';

/** One try may take this long; the budget holds two of them. */
export const TRY_MS = 2_000;
/** Between two tries: an error that comes at once must not be asked for a thousand times. */
const PAUSE_MS = 200;
/** With less than this left, another try could not be answered. */
const LAST_TRY_MS = 500;

/** gRPC's INVALID_ARGUMENT: Temporal refused the start, which therefore did not happen. */
const INVALID_ARGUMENT = 3;
/** NOT_FOUND (the namespace), PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED: answered before anything is done. */
const REFUSED: ReadonlySet<number> = new Set([5, 7, 12, 16]);

/**
 * Starts the run, trying again with the same id while the answer is missing: the id makes that harmless.
 * Throws `acceptance_unknown` with the id when the budget ends without an answer, and `service_unavailable`
 * when Temporal's answer was that it does not take starts from us.
 */
export async function startUntilKnown(
  client: Client,
  settings: StartSettings,
  id: string,
  request: NewRequest,
  createdAt: string,
  budget: RpcBudget,
): Promise<Started> {
  for (let isFirst = true; ; isFirst = false) {
    const tryUntilMs = Math.min(Date.now() + TRY_MS, budget.deadlineMs);
    const start = client.connection.withDeadline(tryUntilMs, () =>
      startRun(client, settings, id, request, createdAt),
    );
    try {
      await withinBudget(budget, start);
      return 'started';
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return 'already started';
      const code = grpcCode(error);
      if (code === INVALID_ARGUMENT) throw error;
      // After a try without an answer, a refusal no longer says that nothing was accepted.
      if (isFirst && code !== null && REFUSED.has(code)) throw unavailable(error);
      if (budget.leftMs() <= LAST_TRY_MS) {
        throw acceptanceUnknown(id, { shouldRetry: request.key !== null, cause: error });
      }
      await sleep(PAUSE_MS);
    }
  }
}

function grpcCode(error: unknown): number | null {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return isGrpcServiceError(cause) ? cause.code : null;
}
