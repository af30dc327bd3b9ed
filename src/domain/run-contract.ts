import { EMPTY_JOURNAL, type Journal } from './journal.ts';
import type { RequestError } from './record.ts';
import type { RequestOptions } from './options.ts';
import type { SettledRun } from './requests.ts';
import type { Operation } from './operations.ts';
import { fromWorkflowId, type RequestName } from './request-id.ts';
import { isObject } from './raw-json.ts';

/** The workflow type: what makes a workflow in the namespace one of ours, together with its memo. */
export const WORKFLOW_TYPE = 'durableRequest';

/** The type of the run that takes a request's id over while the request is being deleted. */
export const DELETION_TYPE = 'deleteRequest';

/** First argument of the workflow; the second is the body as it came. Nothing secret in it. */
export interface RunInput {
  readonly operation: Operation;
  readonly model: string;
  readonly options: RequestOptions;
  /** How long a dead worker goes unnoticed. */
  readonly heartbeat_timeout_seconds: number;
  /** Absent in runs of 0.1.0, which knew one project and no keys. */
  readonly request?: RequestIdentity;
}

/** Whose request a run is. Carried from the POST to the upstream call as one value. */
export interface RequestIdentity extends RequestName {
  /** An API key said whose request it is: only the keys file knows then which upstream it may go to. */
  readonly is_keyed: boolean;
}

/** The identity that a run carries, or that its workflow id tells for a run of 0.1.0. */
export function identityOf(
  { request }: { readonly request?: RequestIdentity },
  workflowId: string,
): RequestIdentity {
  return request ?? { ...fromWorkflowId(workflowId), is_keyed: false };
}

/** First argument of the activity; the second is the body as it came. */
export interface UpstreamCall {
  /** This and `operation`: absent in calls that a workflow of 0.1.0 scheduled. */
  readonly request?: RequestIdentity;
  readonly operation?: Operation;
  readonly deadline_at_ms: number;
  /** In force for this run; its `max_attempts` counts, as the journal does, over all runs. */
  readonly options: RequestOptions;
  /** The journal of the runs before this one; absent in the first. */
  readonly earlier?: Journal;
}

/** A first attempt that was taken up later than this may have been cancelled, or be out of time, already. */
const LATE_MS = 1_000;

/**
 * Whether an attempt asks Temporal before it calls: a later one, and a late one. While no worker is up to carry a
 * cancellation out, Temporal goes on scheduling attempts. A late one may also be none at all, but a clock that is
 * wrong.
 *
 * @param lateMs from when Temporal scheduled it to when the worker began it
 */
export function asksFirst(attempt: number, lateMs: number): boolean {
  return attempt > 1 || lateMs > LATE_MS;
}

/** Argument of the deletion's workflow and of its activity. */
export interface Deletion {
  readonly workflow_id: string;
  /** Its newest run, which leads to those before it. */
  readonly last_run_id: string;
}

/**
 * The memo of each run: what a reader and a second POST need without a worker. `created_at` is the
 * acceptance, by the API's clock: the same in the 202 and in every later record.
 */
export interface RunMemo {
  readonly operation: Operation;
  readonly model: string;
  readonly fingerprint: string;
  readonly options: RequestOptions;
  readonly created_at: string;
  readonly run: number;
  /** The namespace's retention when the run was started; absent where it was not known. */
  readonly retention_ms?: number;
  /** Of a retry by hand: the run before it, and the journal up to its end. */
  readonly earlier?: { readonly run_id: string; readonly journal: Journal };
}

/** The query that a run answers with its {@link WorkflowRecord}. */
export const RECORD_QUERY = 'record';

/**
 * The request record as far as the workflow knows it. Null is what it does not know: while the call runs, its status
 * and its attempts are Temporal's.
 */
export interface WorkflowRecord {
  readonly id: string;
  readonly object: 'request';
  readonly status: 'completed' | 'failed' | 'cancelled' | null;
  readonly terminal: boolean;
  readonly operation: Operation;
  readonly model: string;
  readonly run: number;
  readonly previous_run_id: string | null;
  /** Over all runs. */
  readonly attempts: number | null;
  readonly attempts_of_earlier_runs: number;
  readonly max_attempts: number | null;
  readonly options: RequestOptions;
  readonly created_at: string | null;
  readonly deadline_at: string;
  readonly last_error_code: string | null;
  readonly error: RequestError | null;
}

/** Under which member of Temporal's memo {@link RunMemo} stands. */
export const MEMO_KEY = 'reqrun';

/** Started, first workflow task scheduled and started: all that stands in a history before its first command. */
export const EVENTS_OF_A_START = 3;

/** Slack of Temporal's own timeouts behind the deadline, so that our words win while a worker lives. */
export const ACTIVITY_SLACK_MS = 1_000;
export const RUN_SLACK_MS = 3_000;

/** The workflow's way to tell its own process that it has settled, once that is durable. */
export type RunSinks = {
  runs: {
    settled(run: SettledRun): void;
    /** A cancellation was accepted: a call that runs in this process need not wait for a heartbeat. */
    cancelRequested(): void;
  };
};

/** The upstream call, as the workflow calls it. */
export interface RunActivities<Text> {
  callUpstream(call: UpstreamCall, body: Text): Promise<Text>;
}

/** What the workflows have done about their own runs, in Temporal. */
export interface Housekeeping {
  /** What Temporal holds of the run's attempts at this moment; null where it holds nothing. */
  recallAttempts(run: { readonly workflow_id: string; readonly run_id: string }): Promise<Journal | null>;
  /** The journal of the runs before a run that an operator made by a reset; null for any other run. */
  recallEarlier(run: { readonly workflow_id: string; readonly run_id: string }): Promise<Journal | null>;
  /** Deletes all runs of a request and, last, the run that asks for it. */
  deleteRuns(deletion: Deletion): Promise<void>;
}

/** The journal of the runs before a run. */
export function earlierJournal(memo: Pick<RunMemo, 'earlier'>): Journal {
  return memo.earlier?.journal ?? EMPTY_JOURNAL;
}

/**
 * The options of a run with `max_attempts` counted over all runs, as the journal counts.
 *
 * @param earlier the journal of the runs before it
 */
export function countedOver(options: RequestOptions, earlier: { readonly begun: number }): RequestOptions {
  const { max_attempts } = options;
  return { ...options, max_attempts: max_attempts === null ? null : max_attempts + earlier.begun };
}

export function isJournal(value: unknown): value is Journal {
  return isObject(value) && Array.isArray(value['entries']) && typeof value['begun'] === 'number';
}

export function isRunMemo(value: unknown): value is RunMemo {
  return (
    isObject(value) && typeof value['fingerprint'] === 'string' && typeof value['operation'] === 'string'
  );
}
