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
  /** Called when no more can turn up; not where the process stops before. */
  readonly onDone: () => void;
  readonly stopping: AbortSignal;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** The server's list of open runs is complete only once it has caught up with what it had written. */
const PASSES_FOR_MS = 15_000;
const BETWEEN_PASSES_MS = 500;
const AT_ONCE = 50;

/** Whoever waits for the first pass waits no longer than this: thousands of runs may be open. */
const FIRST_PASS_MS = 3_000;

/**
 * Ends at once the attempts that dead workers left running, so that their calls are made again without waiting
 * for heartbeat timeouts. Goes on in the background until no more can turn up.
 *
 * @returns resolves after the first look at all open runs
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

  /** A dead worker begins nothing new: one look at a run is enough. */
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
      message: 'the worker died during the call; another makes it again',
      nextRetryDelay: RESUME_DELAY_MS,
      details: [{ error, journal } satisfies RunEnd],
    });
    await client.activity.fail({ workflowId, runId, activityId }, failure);
    looked.add(runId);
    failed += 1;
  }

  const complain = (error: unknown): void =>
    log.warn({ error: String(error) }, 'dead attempts could not be looked for');

  async function pass(): Promise<void> {
    let batch: Promise<void>[] = [];
    for await (const { workflowId, runId } of client.workflow.list({ query })) {
      if (stopping.aborted) break;
      // One that cannot be looked at now is looked at in the next pass; the others must not wait for it.
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
    if (failed > before) log.info({ calls: failed - before }, "a dead worker's calls are made again");
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
