import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { carryOver, type Journal } from '../../domain/journal.ts';
import { earlierJournal, isRunMemo, MEMO_KEY, type RunMemo } from '../../domain/run-contract.ts';
import { orGone } from '../calls/call-budget.ts';
import type { Decoder } from './decode.ts';
import { LOCAL_ACTIVITY_MARKER } from './run-history.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/**
 * Whether an operator created this run by resetting another one. A reset run keeps the first run's id as
 * `firstRunId`, and the other run's memo.
 */
export function isReset({ runId, raw }: WorkflowExecutionDescription): boolean {
  const firstRunId = raw.workflowExecutionInfo?.firstRunId;
  return Boolean(firstRunId) && firstRunId !== runId;
}

/**
 * Id of the run that this one was reset from, or of the run that this one retried by hand. Null for a first
 * run.
 */
export async function previousRunId(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<string | null> {
  if (isReset(description)) return resetFrom(description.runId, await readEvents(client, description));
  const ours = description.memo?.[MEMO_KEY];
  return isRunMemo(ours) ? (ours.earlier?.run_id ?? null) : null;
}

/**
 * The journal of all runs before this one. A run retried by hand carries it in its memo. For a reset run,
 * `readJournal` reads it from the run that was reset. If Temporal no longer has that run, the journal that
 * this run's workflow read from it is used.
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

/**
 * Id of the run that was reset. A reset run begins with a copy of that run's events; the last copied event
 * names both runs.
 */
function resetFrom(runId: string, events: readonly HistoryEvent[]): string | null {
  return (
    events.find((event) => isResetTo(runId, event))?.workflowTaskFailedEventAttributes?.baseRunId ?? null
  );
}

/** The journal that the workflow recalled first after the reset. */
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

/** The first page of the history. It holds all events that a run of ours begins with. */
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
