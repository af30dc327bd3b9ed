import { carryOver } from '../../domain/journal.ts';
import { withinCaps, withOverrides } from '../../domain/options.ts';
import { requireAllowed } from '../../domain/project.ts';
import { Refusal, unavailable } from '../../domain/refusal.ts';
import type { RetryByHand, StoredRequest } from '../../domain/requests.ts';
import type { RunMemo } from '../../domain/run-contract.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import { orNotAnswered, type CallBudget } from '../calls/call-budget.ts';
import type { TemporalRequestsDependencies } from './dependencies.ts';
import { oursOrNull, type RunFinder, untilClosed } from './find-run.ts';
import { readBody } from './read-body.ts';
import { startRun } from './start-run.ts';
import type { RequestRef } from '../../domain/request-id.ts';

/** Starts the next run of a failed or cancelled request. Implements `Requests.retry`. */
export async function retryRequest(
  dependencies: TemporalRequestsDependencies,
  runs: RunFinder,
  ref: RequestRef,
  { run: wanted, options, caps, models }: RetryByHand,
  budget: CallBudget,
): Promise<StoredRequest | null> {
  const { boundedClient, start } = dependencies;
  const last = oursOrNull(await runs.look(ref, budget));
  if (last === null) return null;
  const { record } = last.stored;
  if (wanted !== null && wanted > record.run) throw noSuchRun();
  if (wanted !== null && wanted < record.run) return last.stored;
  if (record.status === RequestStatus.completed) throw refused('request_already_completed', record.id);
  if (!record.terminal) {
    // Another caller's retry is already running. A first run was never retried.
    if (record.run > 1) return last.stored;
    throw refused('request_not_terminal', record.id);
  }
  // The project may have lost access to the model since the first run.
  requireAllowed(models, last.memo.model);
  const { runId } = last.description;
  const body = await readBody(dependencies, runs, { ref, runId }, budget);
  // This check comes last before the start, so that only a millisecond is left in which a deletion could
  // begin and finish.
  const isFree = body !== null && (await untilClosed(runs, last, budget));
  const memo: RunMemo = {
    ...last.memo,
    options: withinCaps(withOverrides(last.memo.options, options), options, caps),
    run: last.memo.run + 1,
    earlier: { run_id: runId, journal: carryOver(last.journal) },
  };
  return orNotAnswered('retry', async () => {
    if (isFree) {
      // Concurrent retries that saw the same ended run share a start id. Temporal treats them as one start,
      // even if the new run has ended already.
      const run = { ref, startId: `retry-of-${runId}`, memo, body };
      // Eager starts need the native client.
      const outcome = await startRun(boundedClient, start, run, budget, false);
      if (typeof outcome === 'object') throw unavailable(outcome.unknown);
    }
    return oursOrNull(await runs.look(ref, budget))?.stored ?? null;
  });
}

function noSuchRun(): Refusal {
  return new Refusal('invalid_value', { param: 'run', message: 'The request has no such run yet.' });
}

function refused(code: 'request_already_completed' | 'request_not_terminal', id: string): Refusal {
  return new Refusal(code, { requestId: id });
}
