import type { WorkflowStartOptions } from '@temporalio/client';
import { withStartId } from '../sdk-internals.ts';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { Refusal } from '../../domain/refusal.ts';
import { type Deletion, DELETION_TYPE, MEMO_KEY, type RunMemo } from '../../domain/run-contract.ts';
import { orNotAnswered, type CallBudget } from '../calls/call-budget.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { oursOrNull, type FoundRun, type RunFinder, untilClosed } from './find-run.ts';
import type { RequestRef } from '../../domain/request-id.ts';

/**
 * Deletes a terminal request. Implements `Requests.delete`. A closed run cannot be marked as deleted, so a
 * run of another type takes over the id. Temporal decides that atomically, and every process then sees that
 * the request is deleted.
 */
export async function deleteRequest(
  dependencies: TemporalRequestsDependencies,
  runs: RunFinder,
  ref: RequestRef,
  budget: CallBudget,
): Promise<boolean> {
  const last = oursOrNull(await runs.look(ref, budget));
  if (last === null) return false;
  const { id, terminal } = last.stored.record;
  if (!terminal) throw notTerminal(id);
  const isFree = await untilClosed(runs, last, budget);
  return orNotAnswered('deletion', async () => {
    if (isFree && (await takeOver(dependencies, runs, last, budget))) return true;
    // Another run has the id by now. It belongs to the same deletion, or to a retry that came first.
    if (typeof (await runs.find(ref, budget)) !== 'string') throw notTerminal(id);
    return true;
  });
}

/** Starts the deletion's run. Resolves to false if another run has the id. */
async function takeOver(
  { boundedClient, start: { taskQueue } }: TemporalRequestsDependencies,
  runs: RunFinder,
  { ref: { workflowId }, description: { runId }, memo: { earlier: _journal, ...memo } }: FoundRun,
  budget: CallBudget,
): Promise<boolean> {
  const start: WorkflowStartOptions & { args: [Deletion]; memo: { [MEMO_KEY]: RunMemo } } = {
    workflowId,
    args: [{ workflow_id: workflowId, last_run_id: runId }],
    taskQueue,
    workflowIdConflictPolicy: 'FAIL',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    memo: { [MEMO_KEY]: memo },
    staticSummary: 'deletes the request with this id',
  };
  const begin = (): Promise<boolean> =>
    boundedClient.workflow.start(DELETION_TYPE, withStartId(start, `deletion-of-${runId}`)).then(
      () => true,
      (error: unknown) => {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
        throw error;
      },
    );
  return (await runs.call(budget, begin, boundedClient)) ?? false;
}

function notTerminal(id: string): Refusal {
  return new Refusal('request_not_terminal', { requestId: id });
}
