import { Refusal } from '../domain/refusal.ts';

/** All Temporal calls of one HTTP request together; an answer is promised within 5 s. */
export const RPC_BUDGET_MS = 4_500;

/** The time one HTTP request may still spend on Temporal. */
export interface RpcBudget {
  /** Unix ms. */
  readonly deadlineMs: number;
  leftMs(): number;
}

export function createRpcBudget(ms: number = RPC_BUDGET_MS): RpcBudget {
  const deadlineMs = Date.now() + ms;
  return { deadlineMs, leftMs: () => deadlineMs - Date.now() };
}

/** A process that stops has no time for a slow answer. */
const STOPPING_MS = 1_500;

/** For the read after a wait, which a stop may have ended. */
export function afterWait(ended: AbortSignal): RpcBudget {
  return createRpcBudget(ended.aborted ? STOPPING_MS : RPC_BUDGET_MS);
}

/**
 * Rejects with `service_unavailable` when `call` takes longer than the budget. The native client retries a
 * refused connection beyond the deadline it was given, so the deadline is kept here.
 */
export async function withinBudget<T>(budget: RpcBudget, call: Promise<T>): Promise<T> {
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
 * A start was sent and nobody knows what became of it.
 *
 * @param shouldRetry false for a request without a key: sent again, it would be another one
 */
export function acceptanceUnknown(
  requestId: string,
  { shouldRetry, cause }: { shouldRetry: boolean; cause: unknown },
): Refusal {
  return new Refusal('acceptance_unknown', { requestId, retryAfterSeconds: 2, shouldRetry, cause });
}

/** Temporal is out of reach and nothing was accepted. */
export function unavailable(cause?: unknown): Refusal {
  return new Refusal('service_unavailable', { retryAfterSeconds: 2, shouldRetry: true, cause });
}
