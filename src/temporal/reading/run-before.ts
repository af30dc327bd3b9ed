import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { carryOver, type Journal } from '../../domain/journal.ts';
import { earlierJournal, isRunMemo, MEMO_KEY, type RunMemo } from '../../domain/run.ts';

/** Whether an operator made this run by resetting another: it keeps the first run's id, and its memo. */
export function isReset({ runId, raw }: WorkflowExecutionDescription): boolean {
  const firstRunId = raw.workflowExecutionInfo?.firstRunId;
  return Boolean(firstRunId) && firstRunId !== runId;
}

/** The run that this one was reset from, or that it followed by a retry by hand; null for a first one. */
export async function runBefore(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<string | null> {
  const { workflowId, runId, raw, memo } = description;
  if (!isReset(description)) {
    const ours = memo?.[MEMO_KEY];
    return isRunMemo(ours) ? (ours.earlier?.run_id ?? null) : null;
  }
  // Each run that was reset names the one that came of it.
  let before = raw.workflowExecutionInfo?.firstRunId ?? '';
  for (;;) {
    const { raw: seen } = await client.workflow.getHandle(workflowId, before).describe();
    const next = seen.workflowExtendedInfo?.resetRunId;
    if (!next || next === runId) return before;
    before = next;
  }
}

/**
 * The journal of all runs before this one. A retry by hand brings it along; that of a run which was reset is
 * read, by `readJournal`, from that run.
 */
export async function readEarlier(
  client: Client,
  description: WorkflowExecutionDescription,
  memo: RunMemo,
  readJournal: (before: WorkflowExecutionDescription) => Promise<Journal>,
): Promise<Journal> {
  if (!isReset(description)) return earlierJournal(memo);
  const before = await runBefore(client, description);
  if (before === null) return earlierJournal(memo);
  const { workflowId } = description;
  return carryOver(await readJournal(await client.workflow.getHandle(workflowId, before).describe()));
}
