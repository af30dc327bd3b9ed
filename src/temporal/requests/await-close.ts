import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../domain/refusal.ts';
import type { OwnRun, OwnRuns } from './own-runs.ts';
import type { RpcBudget } from '../rpc-budget.ts';

const POLL_MS = 25;
/** Usually it takes one workflow task. */
const WITHIN_MS = 2_000;

/**
 * A run's end can be read a moment before Temporal has closed it, and only a closed run can be followed by
 * another. Resolves to the run once it is closed, to null where no worker closes it in time.
 */
export async function untilClosed(runs: OwnRuns, run: OwnRun, budget: RpcBudget): Promise<OwnRun | null> {
  const giveUpMs = Math.min(Date.now() + WITHIN_MS, budget.deadlineMs);
  let seen: OwnRun | null = run;
  while (seen !== null && seen.description.status.name === 'RUNNING') {
    if (Date.now() >= giveUpMs) return null;
    await sleep(POLL_MS);
    seen = await runs.findOwn(run.description.workflowId, budget);
  }
  return seen;
}

/** The record is terminal already, so that a plain "not terminal" would contradict it. */
export function notClosed(): Refusal {
  return new Refusal('service_unavailable', {
    message: 'The run that has ended is not closed yet, which takes a worker. Try again.',
    retryAfterSeconds: 2,
  });
}
