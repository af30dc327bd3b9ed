import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { carryOver } from '../../domain/journal.ts';
import { withOverrides, type RetryOptions } from '../../domain/options.ts';
import { isRawJson, type RawJson } from '../../domain/raw-json.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { StoredRequest } from '../../domain/requests.ts';
import type { RunMemo } from '../../domain/run.ts';
import { RequestStatus } from '../../domain/words.ts';
import { notClosed, untilClosed } from './await-close.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { notAnswered } from './not-answered.ts';
import type { OwnRun, OwnRuns } from './own-runs.ts';
import { createRpcBudget, type RpcBudget } from '../rpc-budget.ts';
import { startRun } from './start-run.ts';
import { startUntilKnown } from './start-until-known.ts';

/** Starts the next run of a failed or cancelled request: `Requests.retry`. */
export async function retryRequest(
  dependencies: TemporalRequestsDependencies,
  runs: OwnRuns,
  id: string,
  options: RetryOptions,
): Promise<StoredRequest | null> {
  const { client, start, availability } = dependencies;
  const budget = createRpcBudget();
  await availability.ensure();
  const found = await runs.findOwn(id, budget);
  if (found === null) return null;
  const before = await runs.load(found, budget);
  const { record, state } = before;
  if (record.status === RequestStatus.completed) throw refused('request_already_completed', id);
  if (!record.terminal) {
    // Another caller's retry goes on already; a first run was never retried.
    if (record.run > 1) return before;
    throw refused('request_not_terminal', id);
  }
  const last = await untilClosed(runs, found, budget);
  if (last === null) throw notClosed();
  const { runId } = last.description;
  const memo: RunMemo = {
    ...last.memo,
    options: withOverrides(last.memo.options, options),
    run: last.memo.run + 1,
    earlier: { run_id: runId, journal: carryOver(state.journal) },
  };
  const body = await readBody(dependencies, runs, last, budget);
  // Calls at once that saw the same end are one start to Temporal, also when its run has ended again already.
  const run = { workflowId: id, startId: `retry-of-${runId}`, memo, body };
  const known = await startUntilKnown(
    (untilMs) => client.connection.withDeadline(untilMs, () => startRun(client, start, run)),
    budget,
  );
  if (typeof known !== 'string') throw notAnswered('retry', known.unknown);
  const next = await runs.findOwn(id, budget);
  return next === null ? null : runs.load(next, budget);
}

/** The body as it came: the second argument of the run before. */
async function readBody(
  { client }: TemporalRequestsDependencies,
  runs: OwnRuns,
  { description: { workflowId, runId } }: OwnRun,
  budget: RpcBudget,
): Promise<RawJson> {
  const { namespace, loadedDataConverter } = client.options;
  const { history } = await runs.call(budget, () =>
    client.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId, runId },
      maximumPageSize: 1,
    }),
  );
  const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
  const body = (await decodeArrayFromPayloads(loadedDataConverter, payloads)).find(isRawJson);
  if (body === undefined) throw new TypeError('the run before has no body that can be read');
  return body;
}

function refused(code: 'request_already_completed' | 'request_not_terminal', id: string): Refusal {
  return new Refusal(code, { requestId: id });
}
