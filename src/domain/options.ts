import { z } from 'zod';
import { OnUnknownOutcome } from './words.ts';

/**
 * The `reqrun` object of a POST: how the request is to be made durable. Strict: an unknown name is refused.
 * Not part of "the same request": the first call's options stay in force.
 */
export const RequestOptions = z
  .strictObject({
    deadline_seconds: z
      .number()
      .int()
      .min(1)
      .max(604_800)
      .default(3600)
      .describe('Everything, retries and waits included, ends by then. Seconds from acceptance.'),
    attempt_timeout_seconds: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(600)
      .describe('How long one attempt may take. Seconds from its start.'),
    max_attempts: z
      .number()
      .int()
      .min(1)
      .max(1000)
      .nullable()
      .default(null)
      .describe(
        'A limit on cost; null leaves the deadline as the only end of a request that never succeeds.',
      ),
    on_unknown_outcome: z
      .enum(OnUnknownOutcome)
      .default(OnUnknownOutcome.retry)
      .describe(
        'What to do when an attempt may or may not have run: "retry" (at least once) or "fail" (at most once).',
      ),
    priority: z.number().int().min(1).max(5).default(3).describe("Temporal's priority key; 1 goes first."),
  })
  .meta({ id: 'RequestOptions' });

/** Options with every default filled in; snake_case because the record shows them as they are. */
export type RequestOptions = z.infer<typeof RequestOptions>;
