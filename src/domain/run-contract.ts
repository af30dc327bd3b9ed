import { EMPTY_JOURNAL, type Journal } from './journal.ts';
import type { RequestError } from './record.ts';
import type { RequestOptions } from './options.ts';
import type { ResponseTerms, SettledRun } from './requests.ts';
import type { Operation } from './operations.ts';
import { fromWorkflowId, type RequestName } from './request-id.ts';
import { isObject } from './raw-json.ts';

/** The workflow type of requests. Together with its memo it identifies a workflow as a request. */
export const WORKFLOW_TYPE = 'durableRequest';

/** The workflow type of the run that takes over a request's id while the request is being deleted. */
export const DELETION_TYPE = 'deleteRequest';

/** The first argument of the workflow; the second is the body as received. It contains nothing secret. */
export interface RunInput {
  readonly operation: Operation;
  /** Null when the call named none and the upstream chooses it. */
  readonly model: string | null;
  readonly options: RequestOptions;
  /** The heartbeat timeout: how long it takes to notice a dead worker. */
  readonly heartbeat_timeout_seconds: number;
  /** Absent in runs of 0.1.0, which had one project and no keys. */
  readonly request?: RequestIdentity;
  /** True = the call asks for the answer as a stream. */
  readonly stream?: boolean;
}

/** The project and id of a request. One value carries it from the POST to the upstream call. */
export interface RequestIdentity extends RequestName {
  /**
   * True when an API key determined the project. Then only the keys file decides which upstream the call may
   * go to.
   */
  readonly is_keyed: boolean;
}

/** The identity that a run carries. For a run of 0.1.0 it is parsed from the workflow id. */
export function identityOf(
  { request }: { readonly request?: RequestIdentity },
  workflowId: string,
): RequestIdentity {
  return request ?? { ...fromWorkflowId(workflowId), is_keyed: false };
}

/** The first argument of the activity; the second is the body as received. */
export interface UpstreamCall {
  /** Like `operation`, absent in calls that a workflow of 0.1.0 scheduled. */
  readonly request?: RequestIdentity;
  readonly operation?: Operation;
  /** Decides the lane of the call. Null when the call named none. Absent like `operation`. */
  readonly model?: string | null;
  /** True = the call asks for the answer as a stream. */
  readonly stream?: boolean;
  readonly deadline_at_ms: number;
  /** The options in force for this run. Its `max_attempts` counts over all runs, as the journal does. */
  readonly options: RequestOptions;
  /** The journal of the earlier runs; absent in the first run. */
  readonly earlier?: Journal;
}

/** A first attempt that starts later than this may be cancelled already, or past its deadline. */
const LATE_MS = 1_000;

/**
 * Whether an attempt asks Temporal about its request before it makes the call. All attempts after the first
 * do, and so does a first attempt that starts late. The reason: while no worker is up to process a
 * cancellation, Temporal continues to schedule attempts. A first attempt may also only seem late, because of
 * a wrong clock.
 *
 * @param lateMs the time from when Temporal scheduled the attempt to when the worker started it
 */
export function asksFirst(attempt: number, lateMs: number): boolean {
  return attempt > 1 || lateMs > LATE_MS;
}

/** The argument of the deletion workflow and of its activity. */
export interface Deletion {
  readonly workflow_id: string;
  /** The newest run of the request. The earlier ones are found through it. */
  readonly last_run_id: string;
}

/**
 * The memo of a run: what a reader and a second POST need when no worker is up. `created_at` is the time of
 * acceptance by the clock of the API process. It is the same in the 202 and in every later record.
 */
export interface RunMemo {
  readonly operation: Operation;
  readonly model: string | null;
  readonly fingerprint: string;
  readonly options: RequestOptions;
  readonly created_at: string;
  readonly run: number;
  /** The name of the body's blob, for the sweep and for a deletion. Absent if Temporal has the body itself. */
  readonly body_blob?: string;
  /** Present for the operation responses. */
  readonly response?: ResponseTerms;
  /** True when the first call asked for a stream. The body that is sent upstream does so too. */
  readonly stream?: boolean;
  /** The retention of the namespace when the run was started. Absent when it was not known. */
  readonly retention_ms?: number;
  /**
   * How long Temporal delays the first workflow task. The deadline counts from the end of this delay, by
   * Temporal's clock. Absent in runs of 0.1.0.
   */
  readonly start_delay_ms?: number;
  /** Present in a retry by hand: the run before it, and the journal up to the end of that run. */
  readonly earlier?: { readonly run_id: string; readonly journal: Journal };
}

/** The name of the query that a run answers with its {@link WorkflowRecord}. */
export const RECORD_QUERY = 'record';

/**
 * The request record as far as the workflow knows it. Null = not known to the workflow: while the call runs,
 * only Temporal knows its status and attempts.
 */
export interface WorkflowRecord {
  readonly id: string;
  readonly object: 'request';
  readonly status: 'completed' | 'failed' | 'cancelled' | null;
  readonly terminal: boolean;
  readonly operation: Operation;
  readonly model: string | null;
  readonly run: number;
  readonly previous_run_id: string | null;
  /** Counted over all runs. */
  readonly attempts: number | null;
  readonly attempts_of_earlier_runs: number;
  readonly max_attempts: number | null;
  readonly options: RequestOptions;
  readonly created_at: string | null;
  readonly deadline_at: string;
  readonly last_error_code: string | null;
  readonly error: RequestError | null;
}

/** The member of the Temporal memo that holds {@link RunMemo}. */
export const MEMO_KEY = 'reqrun';

/**
 * The number of events in a history before the first command: started, first workflow task scheduled, first
 * workflow task started.
 */
export const EVENTS_OF_A_START = 3;

/**
 * How much later than the deadline Temporal's own timeouts fire, so that a live worker ends the request
 * first, with our error.
 */
export const ACTIVITY_SLACK_MS = 1_000;
export const RUN_SLACK_MS = 3_000;

/** Sinks through which a workflow reports to its own worker process, once what it reports is durable. */
export type RunSinks = {
  runs: {
    settled(run: SettledRun): void;
    /**
     * A cancellation was accepted. A call in this process can be aborted at once, without waiting for a
     * heartbeat.
     */
    cancelRequested(): void;
  };
};

/** The upstream call, in the form in which the workflow calls it. */
export interface RunActivities<Text> {
  callUpstream(call: UpstreamCall, body: Text): Promise<Text>;
}

/** The activities by which workflows read and delete runs of their own request in Temporal. */
export interface Housekeeping {
  /** Returns what Temporal currently holds of the attempts of a run; null when it holds nothing. */
  recallAttempts(run: { readonly workflow_id: string; readonly run_id: string }): Promise<Journal | null>;
  /**
   * Returns the journal of the earlier runs, for a run that an operator created by a reset; null for any
   * other run.
   */
  recallEarlier(run: { readonly workflow_id: string; readonly run_id: string }): Promise<Journal | null>;
  /** Deletes all runs of a request, and last the deletion run itself. */
  deleteRuns(deletion: Deletion): Promise<void>;
}

/** The journal of the earlier runs, from the memo of a run. */
export function earlierJournal(memo: Pick<RunMemo, 'earlier'>): Journal {
  return memo.earlier?.journal ?? EMPTY_JOURNAL;
}

/**
 * The options of a run with `max_attempts` counted over all runs, as the journal counts.
 *
 * @param earlier the journal of the earlier runs
 */
export function countedOver(options: RequestOptions, earlier: { readonly begun: number }): RequestOptions {
  const { max_attempts } = options;
  return { ...options, max_attempts: max_attempts === null ? null : max_attempts + earlier.begun };
}

/** The name of an upstream call for a person, in Temporal's UI. */
export function callTitle({ operation, model }: Pick<RunInput, 'operation' | 'model'>): string {
  return model === null ? operation : `${operation} · ${model}`;
}

export function isJournal(value: unknown): value is Journal {
  return isObject(value) && Array.isArray(value['entries']) && typeof value['begun'] === 'number';
}

export function isRunMemo(value: unknown): value is RunMemo {
  return (
    isObject(value) && typeof value['fingerprint'] === 'string' && typeof value['operation'] === 'string'
  );
}
