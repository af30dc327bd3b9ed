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
    .describe(
      'Seconds from acceptance to the deadline. The request ends by then, including all retries and waits.',
    ),
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
      'Maximum attempts of each run, to limit cost. With null, only the deadline ends a request that never succeeds.',
    ),
  on_unknown_outcome: z
    .enum(OnUnknownOutcome)
    .describe(
      'What to do when an attempt may or may not have run: "retry" (at least once) or "fail" (at most once).',
    ),
  priority: z.number().int().min(1).max(5).describe("Temporal's priority key; 1 is the highest priority."),
};

/**
 * The `reqrun` object of a POST: how the request is made durable. Unknown names are refused. The options are
 * not part of "the same request": those of the first call stay in force.
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

/**
 * Options with all defaults filled in. Their names are snake_case because the record shows them unchanged.
 */
export type RequestOptions = z.infer<typeof RequestOptions>;

/**
 * The `reqrun` object of a retry by hand: the options that change from the run before. It has no defaults.
 */
export const RetryOptions = z.strictObject(fields).partial().meta({ id: 'RetryOptions' });
export type RetryOptions = z.infer<typeof RetryOptions>;

/** The options of the next run: those of the run before, with the changes of the retry. */
export function withOverrides(before: RequestOptions, anew: RetryOptions): RequestOptions {
  return RequestOptions.parse({ ...before, ...anew });
}

/**
 * Applies the project's caps to the options of a request. An option that the caller did not set is lowered to
 * its cap, and so is `max_attempts: null`. A number that the caller set is never changed: over the cap it is
 * refused.
 *
 * @param given the `reqrun` object as the caller sent it; only the names in it are used
 * @throws Refusal `invalid_value`, which names the field and the cap
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
