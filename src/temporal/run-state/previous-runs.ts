import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { carryOver, type Journal } from '../../domain/journal.ts';
import { earlierJournal, isRunMemo, MEMO_KEY, type RunMemo } from '../../domain/run-contract.ts';
import { orGone } from '../calls/call-budget.ts';
import type { Decoder } from './decode.ts';
import { LOCAL_ACTIVITY_MARKER } from './run-history.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Whether an operator made this run by resetting another: it keeps the first run's id, and its memo. */
export function isReset({ runId, raw }: WorkflowExecutionDescription): boolean {
  const firstRunId = raw.workflowExecutionInfo?.firstRunId;
  return Boolean(firstRunId) && firstRunId !== runId;
}

/** The run that this one was reset from, or that it followed by a retry by hand; null for a first one. */
export async function previousRunId(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<string | null> {
  if (isReset(description)) return resetFrom(description.runId, await readEvents(client, description));
  const ours = description.memo?.[MEMO_KEY];
  return isRunMemo(ours) ? (ours.earlier?.run_id ?? null) : null;
}

/**
 * The journal of all runs before this one. A retry by hand brings it along; that of a run which was reset is
 * read, by `readJournal`, from that run. Where that one is gone, what this run's workflow read of it is left.
 */
export async function readPreviousRuns(
  client: Client,
  decoder: Decoder,
  description: WorkflowExecutionDescription,
  memo: RunMemo,
  readJournal: (before: WorkflowExecutionDescription) => Promise<Journal>,
): Promise<Journal> {
  if (!isReset(description)) return earlierJournal(memo);
  const { workflowId, runId } = description;
  const events = await readEvents(client, description);
  const before = resetFrom(runId, events);
  if (before !== null) {
    const described = client.workflow.getHandle(workflowId, before).describe();
    const journal = await orGone(described.then(readJournal));
    if (journal !== null) return carryOver(journal);
  }
  return (await recalledEarlier(runId, events, decoder)) ?? earlierJournal(memo);
}

/** A run that came of a reset begins with the other's events; the last of these names both runs. */
function resetFrom(runId: string, events: readonly HistoryEvent[]): string | null {
  return (
    events.find((event) => isResetTo(runId, event))?.workflowTaskFailedEventAttributes?.baseRunId ?? null
  );
}

/** What the workflow recalled first of all after the reset. */
async function recalledEarlier(
  runId: string,
  events: readonly HistoryEvent[],
  decoder: Decoder,
): Promise<Journal | null> {
  const marker = events
    .slice(events.findIndex((event) => isResetTo(runId, event)))
    .find(({ markerRecordedEventAttributes: marker }) => marker?.markerName === LOCAL_ACTIVITY_MARKER);
  return decoder.journal(marker?.markerRecordedEventAttributes?.details?.['result']);
}

function isResetTo(runId: string, { workflowTaskFailedEventAttributes: failed }: HistoryEvent): boolean {
  return failed?.newRunId === runId;
}

/** The first page, which holds all that a run of ours begins with. */
async function readEvents(
  client: Client,
  { workflowId, runId }: WorkflowExecutionDescription,
): Promise<readonly HistoryEvent[]> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
  });
  return history?.events ?? [];
}
