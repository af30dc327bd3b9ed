import { defineQuery, setHandler, workflowInfo } from '@temporalio/workflow';
import { EMPTY_JOURNAL, lastErrorCode, type Journal } from '../src/domain/journal.ts';
import type { RequestError } from '../src/domain/record.ts';
import {
  identityOf,
  isRunMemo,
  MEMO_KEY,
  RECORD_QUERY,
  type RunInput,
  type WorkflowRecord,
} from '../src/domain/run-contract.ts';

/** The end of the run, as far as the workflow knows it. */
interface KnownEnd {
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly error: RequestError | null;
  readonly journal: Journal;
}

/** The state that the query `record` answers from. */
export interface RecordQuery {
  /** Records that the run has ended. */
  end(end: KnownEnd): void;
}

const query = defineQuery<WorkflowRecord>(RECORD_QUERY);
const DESCRIPTION =
  'The request record, as far as the workflow knows it. Attempts are in Pending Activities.';

/**
 * Answers the query `record`. The Temporal UI shows it under Queries; the CLI prints it with
 * `temporal workflow query --type record`. While the call runs, only Temporal knows its attempts.
 *
 * @param earlier the journal of the runs before this one
 */
export function answerRecordQuery(input: RunInput, deadlineAtMs: number, earlier: Journal): RecordQuery {
  const { workflowId, memo: memos } = workflowInfo();
  const memo = memos?.[MEMO_KEY];
  const of = isRunMemo(memo) ? memo : null;
  let known: KnownEnd | null = null;
  const read = (): WorkflowRecord => {
    const journal = known?.journal ?? earlier;
    return {
      id: identityOf(input, workflowId).id,
      object: 'request',
      status: known?.status ?? null,
      terminal: known !== null,
      operation: input.operation,
      model: input.model,
      run: of?.run ?? 1,
      previous_run_id: of?.earlier?.run_id ?? null,
      attempts: known === null ? null : journal.begun,
      attempts_of_earlier_runs: earlier.begun,
      max_attempts: input.options.max_attempts,
      options: input.options,
      created_at: of?.created_at ?? null,
      deadline_at: new Date(deadlineAtMs).toISOString(),
      last_error_code: known === null ? null : lastErrorCode(journal),
      error: known?.error ?? null,
    };
  };
  setHandler(query, read, { description: DESCRIPTION });
  return { end: (end) => void (known = end) };
}

/** The end of a run that completed. */
export function completedEnd(journal: Journal | null): KnownEnd {
  return { status: 'completed', error: null, journal: journal ?? EMPTY_JOURNAL };
}
