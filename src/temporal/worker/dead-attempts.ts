import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { interruptAttempt } from '../../domain/journal.ts';
import { isRunMemo, MEMO_KEY, WORKFLOW_TYPE } from '../../domain/run-contract.ts';
import { RESUME_DELAY_MS } from '../../domain/retry-policy.ts';
import { requestError, type RunEnd } from '../../domain/run-end.ts';
import { FailureReason } from '../../domain/vocabulary.ts';
import { decoderOf } from '../run-state/decode.ts';
import { findPendingActivity, isWaiting, readPendingJournal } from '../run-state/pending-activity.ts';
import { readEarlierRuns } from '../run-state/read-run.ts';

export interface DeadAttempts {
  readonly client: Client;
  /** Whether the worker with this identity is proven to be dead. */
  readonly isDead: (identity: string) => boolean;
  /** Called when no more dead attempts can appear. Not called if the process stops before that. */
  readonly onDone: () => void;
  readonly stopping: AbortSignal;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/**
 * How long to repeat the passes. The server's list of open runs is complete only once its visibility store
 * has caught up.
 */
const PASSES_FOR_MS = 15_000;
const BETWEEN_PASSES_MS = 500;
const AT_ONCE = 50;

/** Longest wait for the first pass, because thousands of runs may be open. */
const FIRST_PASS_MS = 3_000;

/**
 * Ends the attempts that dead workers left running, so that their calls are made again without waiting for
 * heartbeat timeouts. Continues in the background until no more can appear.
 *
 * @returns resolves after the first pass over all open runs, or after 3 s
 */
export async function failDeadAttempts({
  client,
  isDead,
  onDone,
  stopping,
  log,
}: DeadAttempts): Promise<void> {
  const startedAt = new Date();
  const query = `WorkflowType = '${WORKFLOW_TYPE}' AND ExecutionStatus = 'Running' AND StartTime <= '${startedAt.toISOString()}'`;
  const looked = new Set<string>();
  let failed = 0;

  /** Looks at one run. One look is enough, because a dead worker begins nothing new. */
  async function look(workflowId: string, runId: string): Promise<void> {
    const description = await client.workflow.getHandle(workflowId, runId).describe();
    const pending = findPendingActivity(description);
    const memo = description.memo?.[MEMO_KEY];
    const activityId = pending?.activityId;
    const isOver = !pending || isWaiting(pending) || !isDead(pending.lastWorkerIdentity ?? '');
    if (isOver || !activityId || !isRunMemo(memo)) return void looked.add(runId);
    const decoder = decoderOf(client, workflowId);
    const earlier = await readEarlierRuns(client, decoder, description, memo);
    const journal = interruptAttempt(await readPendingJournal(pending, decoder, memo, earlier));
    const error = requestError('attempt_interrupted', FailureReason.terminal);
    const failure = ApplicationFailure.create({
      type: error.code,
      message: 'the worker died during the call; another worker makes the call again',
      nextRetryDelay: RESUME_DELAY_MS,
      details: [{ error, journal } satisfies RunEnd],
    });
    await client.activity.fail({ workflowId, runId, activityId }, failure);
    looked.add(runId);
    failed += 1;
  }

  const complain = (error: unknown): void =>
    log.warn({ error: String(error) }, 'could not look for attempts of dead workers');

  async function pass(): Promise<void> {
    let batch: Promise<void>[] = [];
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      if (stopping.aborted) break;
      // A run that cannot be read now is read in the next pass. The other runs must not wait for it.
      if (!looked.has(runId)) batch.push(look(workflowId, runId).catch(complain));
      if (batch.length < AT_ONCE) continue;
      await Promise.all(batch);
      batch = [];
    }
    await Promise.all(batch);
  }

  async function loggedPass(): Promise<void> {
    const before = failed;
    await pass().catch(complain);
    if (failed > before) log.info({ calls: failed - before }, 'calls of a dead worker are made again');
  }

  async function goOn(first: Promise<void>): Promise<void> {
    await first;
    while (!stopping.aborted && Date.now() - startedAt.getTime() < PASSES_FOR_MS) {
      await sleep(BETWEEN_PASSES_MS, undefined, { signal: stopping }).catch(() => undefined);
      await loggedPass();
    }
    if (!stopping.aborted) onDone();
  }

  const first = loggedPass();
  void goOn(first);
  const waited = new AbortController();
  const limit = sleep(FIRST_PASS_MS, undefined, { signal: waited.signal }).catch(() => undefined);
  await Promise.race([first, limit]);
  waited.abort();
}
