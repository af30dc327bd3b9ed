/**
 * The closed vocabularies of a request record. They are const objects: their values are the texts used in the
 * API, and the types are inferred from them.
 */

/** The status of a request. The last three are terminal: a run in one of them does not change any more. */
export const RequestStatus = {
  queued: 'queued',
  processing: 'processing',
  retrying: 'retrying',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const;
export type RequestStatus = (typeof RequestStatus)[keyof typeof RequestStatus];

/**
 * What an open request waits for. `worker`: Temporal has work for it that no worker has taken. `start_time`:
 * its `run_at`. `retry`: the time of its next attempt.
 */
export const WaitingFor = {
  worker: 'worker',
  startTime: 'start_time',
  pacing: 'pacing',
  retry: 'retry',
} as const;
export type WaitingFor = (typeof WaitingFor)[keyof typeof WaitingFor];

/**
 * The status of an attempt. `interrupted`: its worker died or was stopped before it could report how it
 * ended.
 */
export const AttemptStatus = {
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  interrupted: 'interrupted',
  cancelled: 'cancelled',
} as const;
export type AttemptStatus = (typeof AttemptStatus)[keyof typeof AttemptStatus];

/**
 * What is known of an attempt's effect upstream. `lost`: it ran, and its answer is lost. `unknown`: it may or
 * may not have run. After either one, another call may be a duplicate.
 */
export const Outcome = {
  notRun: 'not_run',
  rejected: 'rejected',
  completed: 'completed',
  lost: 'lost',
  unknown: 'unknown',
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** Whether the attempt cost money. `maybe` exists because no upstream reports it for failed calls. */
export const Billed = { no: 'no', maybe: 'maybe', yes: 'yes' } as const;
export type Billed = (typeof Billed)[keyof typeof Billed];

/**
 * How far an upstream call got: no connection yet, request sent, status line seen, body being read, event stream being
 * read.
 */
export const Phase = {
  connect: 'connect',
  request: 'request',
  headers: 'headers',
  body: 'body',
  stream: 'stream',
} as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** Why a request is not tried again. */
export const FailureReason = {
  terminal: 'terminal',
  attemptsExhausted: 'attempts_exhausted',
  deadlineExceeded: 'deadline_exceeded',
  outcomeUnknown: 'outcome_unknown',
  cancelled: 'cancelled',
  terminated: 'terminated',
} as const;
export type FailureReason = (typeof FailureReason)[keyof typeof FailureReason];

/** What to do when an attempt may or may not have run: call again (at least once) or end (at most once). */
export const OnUnknownOutcome = { retry: 'retry', fail: 'fail' } as const;
export type OnUnknownOutcome = (typeof OnUnknownOutcome)[keyof typeof OnUnknownOutcome];
