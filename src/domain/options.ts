import { z } from 'zod';
import type { OptionCaps } from './project.ts';
import { Refusal } from './refusal.ts';
import { OnUnknownOutcome } from './vocabulary.ts';

const fields = {
  deadline_seconds: z
    .number()
    .int()
    .min(1)
    .max(604_800)
    .describe('Everything, retries and waits included, ends by then. Seconds from acceptance.'),
  attempt_timeout_seconds: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .describe('How long one attempt may take. Seconds from its start.'),
  max_attempts: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .nullable()
    .describe(
      'A limit on cost, for each run; null leaves the deadline as the only end of a request that never succeeds.',
    ),
  on_unknown_outcome: z
    .enum(OnUnknownOutcome)
    .describe(
      'What to do when an attempt may or may not have run: "retry" (at least once) or "fail" (at most once).',
    ),
  priority: z.number().int().min(1).max(5).describe("Temporal's priority key; 1 goes first."),
};

/**
 * The `reqrun` object of a POST: how the request is to be made durable. Strict: an unknown name is refused.
 * Not part of "the same request": the first call's options stay in force.
 */
export const RequestOptions = z
  .strictObject({
    deadline_seconds: fields.deadline_seconds.default(3600),
    attempt_timeout_seconds: fields.attempt_timeout_seconds.default(600),
    max_attempts: fields.max_attempts.default(null),
    on_unknown_outcome: fields.on_unknown_outcome.default(OnUnknownOutcome.retry),
    priority: fields.priority.default(3),
  })
  .meta({ id: 'RequestOptions' });

/** Options with every default filled in; snake_case because the record shows them as they are. */
export type RequestOptions = z.infer<typeof RequestOptions>;

/** The `reqrun` object of a retry by hand: what is to differ from the run before; no defaults. */
export const RetryOptions = z.strictObject(fields).partial().meta({ id: 'RetryOptions' });
export type RetryOptions = z.infer<typeof RetryOptions>;

/** The options of the next run. */
export function withOverrides(before: RequestOptions, anew: RetryOptions): RequestOptions {
  return RequestOptions.parse({ ...before, ...anew });
}

/**
 * A request's options within its project's caps. What the caller did not ask for is lowered to the cap, and so
 * is `max_attempts: null`; what it asked for is never changed behind its back.
 *
 * @param given what the caller said, whatever else it holds
 * @throws Refusal `invalid_value` naming the field and the cap
 */
export function withinCaps(options: RequestOptions, given: object, caps: OptionCaps): RequestOptions {
  const within = <T extends number | null>(name: keyof OptionCaps, value: T): T | number => {
    const cap = caps[name];
    if (cap === null || (value !== null && value <= cap)) return value;
    if (value === null || !Object.hasOwn(given, name)) return cap;
    throw new Refusal('invalid_value', {
      param: `reqrun.${name}`,
      message: `At most ${cap} is allowed to this project.`,
    });
  };
  return {
    ...options,
    deadline_seconds: within('deadline_seconds', options.deadline_seconds),
    max_attempts: within('max_attempts', options.max_attempts),
  };
}
