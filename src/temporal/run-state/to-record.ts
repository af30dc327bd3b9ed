import type { WorkflowExecutionDescription } from '@temporalio/client';
import { type JournalEntry, lastErrorCode } from '../../domain/journal.ts';
import type { RequestOptions } from '../../domain/options.ts';
import type { Attempt } from '../../domain/record.ts';
import type { StoredRequest } from '../../domain/requests.ts';
import type { RunMemo } from '../../domain/run-contract.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import { cancelRequested, deadlineMsOf, type RunState } from './read-run.ts';

/** The deployment's part of the record. */
export interface RecordSettings {
  readonly namespace: string;
  /** Base URL of the Temporal UI. Null = unknown. */
  readonly uiUrl: string | null;
  /** The namespace's retention after a run closes. Null = not read. */
  readonly retentionMs: number | null;
}

/** Defaults of the options that the memos of 0.1.0 lack. */
const OPTIONS_SINCE_0_1_0: Partial<RequestOptions> = {
  first_event_timeout_seconds: null,
  silence_timeout_seconds: null,
  run_at: null,
};

/**
 * Builds the record. Pure.
 *
 * @param id the record's id
 */
export function toRecord(
  id: string,
  description: WorkflowExecutionDescription,
  memo: RunMemo,
  state: RunState,
  settings: RecordSettings,
): StoredRequest {
  const { journal, error, completedAt } = state;
  const { answer = null, stream } = state.result === null ? {} : journal;
  const terminal =
    state.status === RequestStatus.completed ||
    state.status === RequestStatus.failed ||
    state.status === RequestStatus.cancelled;
  // A later run begins at its own start, which may be long after the acceptance.
  const starts = [memo.created_at, memo.run > 1 ? description.startTime.toISOString() : null];
  // Temporal fixes the expiry when the run closes. An operator may have changed the retention before or after
  // that. The shorter of the two known values is used, because the record is kept at least that long.
  const keptMs =
    settings.retentionMs === null
      ? null
      : Math.min(settings.retentionMs, memo.retention_ms ?? settings.retentionMs);
  const expiresMs = completedAt === null || keptMs === null ? null : completedAt.getTime() + keptMs;
  return {
    result: state.result,
    cuts: stream?.cuts ?? null,
    response: memo.response ?? null,
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
      waiting_for: state.waitingFor,
      waiting_reason: state.waitingReason,
      options: { ...OPTIONS_SINCE_0_1_0, ...memo.options },
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
      usage: answer?.usage ?? null,
      upstream_response_id: answer?.upstream_response_id ?? null,
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

/** URL of a run in the Temporal UI. Null = the UI's address is unknown. */
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
 * Whether the UI's server decodes an id twice. It does so if Go, in which it is written, would encode the
 * path as the UI's pages did with encodeURIComponent. That is the case if the path has none of the characters
 * that the two encode differently. Found and checked in a browser for every character of a key, alone and
 * next to `%` (UI 2.50.1).
 */
function isDecodedTwice(text: string): boolean {
  return !/[!'()*$&+,/:;=@]/.test(text);
}

/** Orders the fields for reading. */
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

/** Returns the latest time. ISO 8601 times in UTC sort as text. */
function latest(candidates: (string | null | undefined)[]): string {
  return candidates.reduce<string>((last, time) => (time && time > last ? time : last), '');
}
