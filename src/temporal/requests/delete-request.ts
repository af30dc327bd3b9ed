import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import {
  InternalWorkflowStartOptionsSymbol,
  type InternalWorkflowStartOptions,
} from '@temporalio/client/lib/internal.js';
import { Refusal } from '../../domain/refusal.ts';
import { DELETION_TYPE, MEMO_KEY, type Deletion } from '../../domain/run.ts';
import { untilClosed } from './await-close.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { notAnswered } from './not-answered.ts';
import type { OwnRuns } from './own-runs.ts';
import { createRpcBudget, type RpcBudget } from '../rpc-budget.ts';

/**
 * Deletes a terminal request: `Requests.delete`. A closed run cannot be marked, so a run of another type takes
 * the id over, which Temporal decides atomically; every process then knows that the request is gone.
 */
export async function deleteRequest(
  { client, start, availability }: TemporalRequestsDependencies,
  runs: OwnRuns,
  id: string,
): Promise<boolean> {
  const budget = createRpcBudget();
  await availability.ensure();
  const last = await runs.findOwn(id, budget);
  if (last === null) return false;
  const { record } = await runs.load(last, budget);
  if (!record.terminal) throw notTerminal(id);
  if (!(await untilClosed(runs, last, budget))) return replaced(runs, id, budget);
  const { runId } = last.description;
  const { operation, model, fingerprint, options, created_at, run } = last.memo;
  const takeOver: InternalWorkflowStartOptions & { args: [Deletion] } = {
    workflowId: id,
    args: [{ request_id: id, last_run_id: runId }],
    taskQueue: start.taskQueue,
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    memo: { [MEMO_KEY]: { operation, model, fingerprint, options, created_at, run } },
    staticSummary: 'deletes the request with this id',
    [InternalWorkflowStartOptionsSymbol]: { requestId: `deletion-of-${runId}` },
  };
  try {
    await runs.call(budget, () => client.workflow.start(DELETION_TYPE, takeOver));
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw notAnswered('deletion', error);
    return replaced(runs, id, budget);
  }
  return true;
}

/** Another run has the id by now: that of the same deletion, or a retry's, which was first. */
async function replaced(runs: OwnRuns, id: string, budget: RpcBudget): Promise<true> {
  if (typeof (await runs.find(id, budget)) !== 'string') throw notTerminal(id);
  return true;
}

function notTerminal(id: string): Refusal {
  return new Refusal('request_not_terminal', { requestId: id });
}
