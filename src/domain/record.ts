import { z } from 'zod';
import { type AsyncObject, OPERATION_NAMES } from './operations.ts';
import { RequestOptions } from './options.ts';
import { AttemptStatus, Billed, FailureReason, Outcome, Phase, RequestStatus } from './vocabulary.ts';

/** One entry of a record's `attempt_log`. Times are ISO 8601 in UTC; everything in it is safe to show. */
export const Attempt = z
  .object({
    number: z.number().int().min(1).describe('Counts the calls begun, over all runs of the request.'),
    status: z.enum(AttemptStatus),
    outcome: z.enum(Outcome).nullable().describe('What is known of its effect upstream; null while it runs.'),
    billed: z.enum(Billed).nullable().describe('Whether it may have cost money; null while it runs.'),
    phase: z.enum(Phase).nullable().describe('How far the call got; null where nobody can say.'),
    started_at: z.iso.datetime().nullable(),
    finished_at: z.iso.datetime().nullable(),
    duration_ms: z.number().int().min(0).nullable(),
    upstream_status: z.number().int().nullable(),
    upstream_request_id: z.string().nullable(),
    error_code: z.string().nullable(),
    retry_after_ms: z.number().int().min(0).nullable().describe("The upstream's own wish, where it had one."),
  })
  .meta({ id: 'Attempt' });
export type Attempt = z.infer<typeof Attempt>;

/** Why a request failed. Safe to show: never the prompt, a key, a header or the upstream's raw text. */
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
    model: z.string(),
    run: z.number().int().min(1).describe('1, and one more with each retry by hand.'),
    previous_run_id: z
      .string()
      .nullable()
      .describe('The Temporal run that this one retries; null in the first.'),
    attempts: z
      .number()
      .int()
      .min(0)
      .describe('Attempts begun, over all runs: at least as many as upstream calls. Never shrinks.'),
    max_attempts: z.number().int().nullable(),
    options: RequestOptions.describe("In force: the first call's, and what a retry by hand gave anew."),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    completed_at: z.iso.datetime().nullable(),
    deadline_at: z.iso.datetime(),
    next_attempt_at: z.iso.datetime().nullable(),
    expires_at: z.iso
      .datetime()
      .nullable()
      .describe('Until then, at least, the key answers with this record.'),
    last_error_code: z.string().nullable().describe("The last ended attempt's code."),
    error: RequestError.nullable(),
    unknown_attempts: z.number().int().min(0).describe('Attempts whose outcome is unknown or lost.'),
    possible_duplicate: z
      .boolean()
      .describe('Another call was made after an attempt that is unknown or lost.'),
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
 * What a POST answers while the request is not finished; told from a result by `object`.
 *
 * @param asyncObject the operation's
 */
export function asyncRequest<Object extends AsyncObject>(asyncObject: Object) {
  return z.object({
    id: z.string().describe('The record id: GET /v1/requests/{id}.'),
    object: z.literal(asyncObject),
    status: z.enum(RequestStatus),
    created: z.number().int().describe('Unix seconds.'),
    model: z.string(),
    attempts: z.number().int().min(0),
    last_error_code: z.string().nullable(),
    next_attempt_at: z.iso.datetime().nullable(),
    request_url: z.string().describe('Path of the record, as in Location.'),
  });
}
/** The 202 of an operation. */
export type AsyncRequest<Object extends AsyncObject = AsyncObject> = z.infer<
  ReturnType<typeof asyncRequest<Object>>
>;
