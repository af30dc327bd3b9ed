import { z } from 'zod';
import { type AsyncObject, OPERATION_NAMES } from './operations.ts';
import { RequestOptions } from './options.ts';
import {
  AttemptStatus,
  Billed,
  FailureReason,
  Outcome,
  Phase,
  RequestStatus,
  WaitingFor,
} from './vocabulary.ts';

/** One entry of `attempt_log`. Times are ISO 8601 in UTC. Every field is safe to show. */
export const Attempt = z
  .object({
    number: z.number().int().min(1).describe('Numbers the attempts from 1, over all runs of the request.'),
    status: z.enum(AttemptStatus),
    outcome: z.enum(Outcome).nullable().describe('What is known of its effect upstream; null while it runs.'),
    billed: z.enum(Billed).nullable().describe('Whether it may have cost money; null while it runs.'),
    phase: z.enum(Phase).nullable().describe('How far the call got; null when that is not known.'),
    started_at: z.iso.datetime().nullable(),
    finished_at: z.iso.datetime().nullable(),
    duration_ms: z.number().int().min(0).nullable(),
    upstream_status: z.number().int().nullable(),
    upstream_request_id: z.string().nullable(),
    error_code: z.string().nullable(),
    retry_after_ms: z
      .number()
      .int()
      .min(0)
      .nullable()
      .describe('The delay that the upstream asked for; null when it named none.'),
    first_event_ms: z
      .number()
      .int()
      .min(0)
      .nullable()
      .optional()
      .describe('Of a streamed attempt: the time to the first event; null when none came.'),
    events: z.number().int().min(0).optional().describe('Of a streamed attempt: the events that came.'),
    bytes: z.number().int().min(0).optional().describe('Of a streamed attempt: the bytes that came.'),
  })
  .meta({ id: 'Attempt' });
export type Attempt = z.infer<typeof Attempt>;

/**
 * Why a request failed. Safe to show: it never contains the prompt, a key, a header or raw text of the
 * upstream.
 */
export const RequestError = z
  .object({
    code: z.string().describe('One of the failure codes of the error table.'),
    message: z.string(),
    reason: z.enum(FailureReason),
    upstream_status: z.number().int().nullable(),
    upstream_code: z.string().nullable(),
    upstream_type: z.string().nullable(),
    upstream_param: z.string().nullable(),
    upstream_request_id: z.string().nullable(),
    retry_after_ms: z.number().int().min(0).nullable(),
  })
  .meta({ id: 'RequestError' });
export type RequestError = z.infer<typeof RequestError>;

/** The request record, as `GET /v1/requests/{id}` shows it. */
export const RequestRecord = z
  .object({
    id: z.string(),
    object: z.literal('request'),
    status: z.enum(RequestStatus),
    terminal: z.boolean(),
    cancel_requested: z.boolean().describe('A cancellation was accepted; the request ends as cancelled.'),
    operation: z.enum(OPERATION_NAMES),
    model: z.string().nullable().describe('Null when the call named none and the upstream chose it.'),
    run: z.number().int().min(1).describe('Starts at 1 and grows by one with each retry by hand.'),
    previous_run_id: z
      .string()
      .nullable()
      .describe('The Temporal run id of the run that this one retries; null in the first run.'),
    attempts: z
      .number()
      .int()
      .min(0)
      .describe('Attempts begun, over all runs. At least the number of upstream calls. Never decreases.'),
    max_attempts: z.number().int().nullable(),
    waiting_for: z
      .enum(WaitingFor)
      .nullable()
      .describe(
        'What it waits for before its next call; null while a call runs and once terminal. "worker": no worker has taken it. "start_time": its run_at. "pacing": its turn in its lane. "retry": the time of its next attempt.',
      ),
    waiting_reason: z.string().nullable().describe('Why it waits for its lane, in words; else null.'),
    options: RequestOptions.describe(
      'The options in force: those of the first call, with the changes of any retry by hand.',
    ),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    completed_at: z.iso.datetime().nullable(),
    deadline_at: z.iso.datetime(),
    next_attempt_at: z.iso
      .datetime()
      .nullable()
      .describe('Until when it waits, for a start_time or a retry; with "pacing", when it asks again.'),
    expires_at: z.iso
      .datetime()
      .nullable()
      .describe('At least until then, a POST with this key is answered with this record.'),
    last_error_code: z.string().nullable().describe('The error code of the last attempt that ended.'),
    error: RequestError.nullable(),
    unknown_attempts: z.number().int().min(0).describe('Attempts whose outcome is unknown or lost.'),
    possible_duplicate: z
      .boolean()
      .describe('Another call was made after an attempt whose outcome is unknown or lost.'),
    usage: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe(
        "The upstream's usage object; null until the request completes, and where the upstream sends none.",
      ),
    upstream_response_id: z
      .string()
      .nullable()
      .describe("The upstream's id of a completed Response; null for other operations."),
    attempt_log: z.array(Attempt).describe('The first 10 and the last 90 attempts.'),
    temporal: z.object({
      namespace: z.string(),
      workflow_id: z.string(),
      run_id: z.string(),
      url: z.string().nullable(),
    }),
    result: z.unknown().describe("The upstream's JSON once completed, else null."),
  })
  .meta({ id: 'RequestRecord' });
export type RequestRecord = z.infer<typeof RequestRecord>;

/**
 * The schema of the 202 of a POST, for a request that is not finished. `object` distinguishes it from a
 * result.
 *
 * @param asyncObject the value of `object` for the operation
 */
export function asyncRequest<Object extends AsyncObject>(asyncObject: Object) {
  return z.object({
    id: z.string().describe('The record id: GET /v1/requests/{id}.'),
    object: z.literal(asyncObject),
    status: z.enum(RequestStatus),
    created: z.number().int().describe('Unix seconds.'),
    model: z.string().nullable(),
    attempts: z.number().int().min(0),
    last_error_code: z.string().nullable(),
    next_attempt_at: z.iso.datetime().nullable(),
    request_url: z.string().describe('Path of the record, as in Location.'),
  });
}
/** The body of a 202, by operation. */
export type AsyncRequest<Object extends AsyncObject = AsyncObject> = z.infer<
  ReturnType<typeof asyncRequest<Object>>
>;
