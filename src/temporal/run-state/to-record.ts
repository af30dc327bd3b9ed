import type { WorkflowExecutionDescription } from '@temporalio/client';
import { type JournalEntry, lastErrorCode } from '../../domain/journal.ts';
import type { Attempt } from '../../domain/record.ts';
import type { StoredRequest } from '../../domain/requests.ts';
import type { RunMemo } from '../../domain/run-contract.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import { cancelRequested, deadlineMsOf, type RunState } from './read-run.ts';

/** What the record says of the deployment rather than of the request. */
export interface RecordSettings {
  readonly namespace: string;
  /** Base URL of the Temporal UI; null where it is not known. */
  readonly uiUrl: string | null;
  /** The namespace's retention after a run closes; null where it could not be read. */
  readonly retentionMs: number | null;
}

/** Puts a record together; pure. @param id the record's */
export function toRecord(
  id: string,
  description: WorkflowExecutionDescription,
  memo: RunMemo,
  state: RunState,
  settings: RecordSettings,
): StoredRequest {
  const { journal, error, completedAt } = state;
  const terminal =
    state.status === RequestStatus.completed ||
    state.status === RequestStatus.failed ||
    state.status === RequestStatus.cancelled;
  // A later run begins with its start, which may be long after the acceptance.
  const starts = [memo.created_at, memo.run > 1 ? description.startTime.toISOString() : null];
  // Temporal fixes the time when the run closes. An operator may have changed it before or after: the shorter
  // of the two that are known is one that holds.
  const keptMs =
    settings.retentionMs === null
      ? null
      : Math.min(settings.retentionMs, memo.retention_ms ?? settings.retentionMs);
  const expiresMs = completedAt === null || keptMs === null ? null : completedAt.getTime() + keptMs;
  return {
    result: state.result,
    record: {
      id,
      object: 'request',
      status: state.status,
      terminal,
      cancel_requested: cancelRequested(description),
      operation: memo.operation,
      model: memo.model,
      run: memo.run,
      previous_run_id: memo.earlier?.run_id ?? null,
      attempts: journal.begun,
      max_attempts: memo.options.max_attempts,
      options: memo.options,
      created_at: memo.created_at,
      updated_at: latest([...starts, completedAt?.toISOString(), ...journal.entries.flatMap(times)]),
      completed_at: completedAt?.toISOString() ?? null,
      deadline_at: new Date(deadlineMsOf(description, memo)).toISOString(),
      next_attempt_at: state.nextAttemptAt?.toISOString() ?? null,
      expires_at: expiresMs === null ? null : new Date(expiresMs).toISOString(),
      last_error_code: lastErrorCode(journal),
      error,
      unknown_attempts: journal.unknown,
      possible_duplicate: journal.duplicate,
      attempt_log: journal.entries.map(toAttempt),
      temporal: {
        namespace: settings.namespace,
        workflow_id: description.workflowId,
        run_id: description.runId,
        url: runUrl(settings, description.workflowId, description.runId),
      },
    },
  };
}

/** Where the Temporal UI shows a run; null where the UI is not known. */
export function runUrl(
  { namespace, uiUrl }: Pick<RecordSettings, 'namespace' | 'uiUrl'>,
  workflowId: string,
  runId: string,
): string | null {
  if (uiUrl === null) return null;
  const id = isDecodedTwice(`${namespace}${workflowId}`) ? workflowId.replaceAll('%', '%25') : workflowId;
  const path = [namespace, 'workflows', id, runId, 'history'].map(encodeURIComponent).join('/');
  return `${uiUrl}/namespaces/${path}`;
}

/**
 * Whether the UI's server decodes an id twice. It does so where Go, in which it is written, would encode the path as
 * the UI's pages did, by encodeURIComponent: where none of the characters is there that the two treat differently.
 * Found and checked in a browser, for every character of a key, alone and beside `%` (UI 2.50.1).
 */
function isDecodedTwice(text: string): boolean {
  return !/[!'()*$&+,/:;=@]/.test(text);
}

/** In the order a person reads it. */
function toAttempt({
  activity_attempt: _ofTemporal,
  number,
  status,
  outcome,
  billed,
  phase,
  started_at,
  ...rest
}: JournalEntry): Attempt {
  return { number, status, outcome, billed, phase, started_at, ...rest };
}

function times(entry: JournalEntry): (string | null)[] {
  return [entry.started_at, entry.finished_at];
}

/** ISO 8601 in UTC sorts as text. */
function latest(candidates: (string | null | undefined)[]): string {
  return candidates.reduce<string>((last, time) => (time && time > last ? time : last), '');
}
