import type { Journal } from './journal.ts';
import type { SettledRun } from './requests.ts';
import type { RequestOptions } from './options.ts';
import type { Operation } from './words.ts';

/** The workflow type: what makes a workflow in the namespace one of ours, together with its memo. */
export const WORKFLOW_TYPE = 'durableRequest';

/** First argument of the workflow; the second is the body as it came. Nothing secret in it. */
export interface RunInput {
  readonly operation: Operation;
  readonly model: string;
  readonly options: RequestOptions;
  /** How long a dead worker goes unnoticed. */
  readonly heartbeat_timeout_seconds: number;
}

/** First argument of the activity; the second is the body as it came. */
export interface UpstreamCall {
  readonly request_id: string;
  readonly deadline_at_ms: number;
  readonly options: RequestOptions;
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
}

/** Under which member of Temporal's memo {@link RunMemo} stands. */
export const MEMO_KEY = 'reqrun';

/** Slack of Temporal's own timeouts behind the deadline, so that our words win while a worker lives. */
export const ACTIVITY_SLACK_MS = 1_000;
export const RUN_SLACK_MS = 3_000;

/** The workflow's way to tell its own process that it has settled, once that is durable. */
export type RunSinks = {
  runs: { settled(run: SettledRun): void };
};

/** The activities as the workflow calls them. */
export interface RunActivities<Text> {
  callUpstream(call: UpstreamCall, body: Text): Promise<Text>;
}

export function isJournal(value: unknown): value is Journal {
  return isObject(value) && Array.isArray(value['entries']) && typeof value['begun'] === 'number';
}

export function isRunMemo(value: unknown): value is RunMemo {
  return (
    isObject(value) && typeof value['fingerprint'] === 'string' && typeof value['operation'] === 'string'
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
