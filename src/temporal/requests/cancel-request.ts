import { WorkflowNotFoundError } from '@temporalio/client';
import { Refusal } from '../../domain/refusal.ts';
import type { StoredRequest } from '../../domain/requests.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import type { OwnRuns } from './own-runs.ts';
import { createRpcBudget, type RpcBudget } from '../rpc-budget.ts';
import { notAnswered } from './not-answered.ts';

/** Asks Temporal for the cancellation, which the workflow carries out: `Requests.cancel`. */
export async function cancelRequest(
  { client, availability }: TemporalRequestsDependencies,
  runs: OwnRuns,
  id: string,
): Promise<StoredRequest | null> {
  const budget = createRpcBudget();
  await availability.ensure();
  const run = await runs.findOwn(id, budget);
  if (run === null) return null;
  const before = await runs.load(run, budget);
  if (before.record.terminal) throw alreadyTerminal(before);
  const handle = client.workflow.getHandle(id, run.description.runId);
  await runs
    .call(budget, () => handle.cancel())
    .catch((error: unknown) => {
      // It ended meanwhile, or was asked for by another caller: the record tells.
      if (!(error instanceof WorkflowNotFoundError)) throw notAnswered('cancellation', error);
    });
  const after = await readAfter(runs, id, budget).catch((error: unknown) => {
    throw notAnswered('cancellation', error);
  });
  if (after === null) return null;
  const tooLate = after.record.terminal && !after.record.cancel_requested;
  if (tooLate) throw alreadyTerminal(after);
  return after;
}

async function readAfter(runs: OwnRuns, id: string, budget: RpcBudget): Promise<StoredRequest | null> {
  const run = await runs.findOwn(id, budget);
  return run === null ? null : runs.load(run, budget);
}

function alreadyTerminal({ record }: StoredRequest): Refusal {
  return new Refusal('request_already_terminal', {
    message: `The request has ended already (${record.status}); it cannot be cancelled any more.`,
    requestId: record.id,
  });
}
