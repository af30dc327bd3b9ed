import { z } from 'zod';
import { AttemptStatus, Billed, Outcome, Phase } from './words.ts';

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
