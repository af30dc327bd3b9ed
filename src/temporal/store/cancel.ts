import { Refusal } from '../../domain/refusal.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import type { CancelledRequest, StoredRequest } from '../../domain/requests.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import { orNotAnswered, type CallBudget } from '../calls/call-budget.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { oursOrNull, type RunFinder } from './find-run.ts';

/** Asks Temporal to cancel the run; the workflow carries it out. Implements `Requests.cancel`. */
export async function cancelRequest(
  dependencies: TemporalRequestsDependencies,
  runs: RunFinder,
  ref: RequestRef,
  budget: CallBudget,
): Promise<CancelledRequest | null> {
  const { client } = dependencies;
  const before = oursOrNull(await runs.look(ref, budget));
  if (before === null) return null;
  if (before.stored.record.status === RequestStatus.cancelled) return { stored: before.stored, isNew: false };
  if (before.stored.record.terminal) throw alreadyTerminal(before.stored);
  const handle = client.workflow.getHandle(ref.workflowId, before.description.runId);
  const after = await orNotAnswered('cancellation', async () => {
    // If the run has ended meanwhile, Temporal does not find it. The record shows how it ended.
    await runs.call(budget, () => handle.cancel());
    return oursOrNull(await runs.look(ref, budget));
  });
  if (after === null) return null;
  const { record } = after.stored;
  const isNewRun = after.description.runId !== before.description.runId;
  // The run had ended and another caller has retried the request. Cancel the new run, because the request is
  // what is to be cancelled.
  if (isNewRun && !record.terminal) return cancelRequest(dependencies, runs, ref, budget);
  if (record.terminal && !record.cancel_requested) throw alreadyTerminal(after.stored);
  return { stored: after.stored, isNew: true };
}

function alreadyTerminal({ record }: StoredRequest): Refusal {
  return new Refusal('request_already_terminal', {
    message: `The request has ended already (${record.status}); it cannot be cancelled any more.`,
    requestId: record.id,
  });
}
