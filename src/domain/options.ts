import { z } from 'zod';
import type { OptionCaps, Project } from './project.ts';
import { Refusal } from './refusal.ts';
import { OnUnknownOutcome } from './vocabulary.ts';

const fields = {
  deadline_seconds: z
    .number()
    .int()
    .min(1)
    .max(604_800)
    .describe(
      'Seconds from acceptance, or from `run_at`, to the deadline. The request ends by then, including all retries and waits.',
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
  first_event_timeout_seconds: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .nullable()
    .describe('For a streamed attempt: the longest time to the first event. Null = as long as the attempt.'),
  silence_timeout_seconds: z
    .number()
    .int()
    .min(1)
    .max(3600)
    .nullable()
    .describe('For a streamed attempt: the longest time between two events. Null = as long as the attempt.'),
  priority: z
    .number()
    .int()
    .min(1)
    .max(5)
    .describe("The order in a lane, and Temporal's priority key; 1 is the highest priority."),
};

/**
 * The options of a request as they are stored and as the record shows them. They are not part of "the same
 * request": those of the first call stay in force.
 */
export const RequestOptions = z
  .strictObject({
    deadline_seconds: fields.deadline_seconds.default(3600),
    attempt_timeout_seconds: fields.attempt_timeout_seconds.default(600),
    max_attempts: fields.max_attempts.default(null),
    on_unknown_outcome: fields.on_unknown_outcome.default(OnUnknownOutcome.retry),
    priority: fields.priority.default(3),
    first_event_timeout_seconds: fields.first_event_timeout_seconds.default(null),
    silence_timeout_seconds: fields.silence_timeout_seconds.default(null),
    run_at: z.iso
      .datetime()
      .nullable()
      .default(null)
      .describe('No call is made before this time. Null = no start delay. A retry by hand has none.'),
  })
  .meta({ id: 'RequestOptions' });

/**
 * Options with all defaults filled in. Their names are snake_case because the record shows them unchanged.
 */
export type RequestOptions = z.infer<typeof RequestOptions>;

/** The longest start delay: 30 days. */
const MAX_DELAY_SECONDS = 2_592_000;

/** The `reqrun` object of a POST: how the request is made durable. Unknown names are refused. */
export const NewRequestOptions = RequestOptions.extend({
  run_at: z
    .union([z.iso.datetime({ offset: true }), z.number().min(0).max(MAX_DELAY_SECONDS)])
    .nullable()
    .default(null)
    .describe(
      'When to begin, at most 30 days ahead: a date-time with offset, or seconds from now. The deadline counts from then. 0 or a time in the past means at once.',
    ),
}).meta({ id: 'NewRequestOptions' });
export type NewRequestOptions = z.infer<typeof NewRequestOptions>;

/**
 * Resolves `run_at` to an absolute time, once, when the request is received. A time that is not in the future
 * becomes null.
 *
 * @param nowMs Unix ms
 * @throws Refusal `invalid_value` for a time more than 30 days ahead
 */
export function resolveRunAt({ run_at, ...options }: NewRequestOptions, nowMs: number): RequestOptions {
  if (run_at === null) return { ...options, run_at };
  const runAtMs = typeof run_at === 'number' ? nowMs + Math.round(run_at * 1000) : Date.parse(run_at);
  if (runAtMs <= nowMs) return { ...options, run_at: null };
  if (runAtMs <= nowMs + MAX_DELAY_SECONDS * 1000) {
    return { ...options, run_at: new Date(runAtMs).toISOString() };
  }
  throw new Refusal('invalid_value', {
    param: 'reqrun.run_at',
    message: 'Must be at most 30 days ahead.',
  });
}

/**
 * The `reqrun` object of a retry by hand: the options that change from the run before. It has no defaults.
 */
export const RetryOptions = z.strictObject(fields).partial().meta({ id: 'RetryOptions' });
export type RetryOptions = z.infer<typeof RetryOptions>;

/** The options of the next run: those of the run before, with the changes of the retry. It begins at once. */
export function withOverrides(before: RequestOptions, changes: RetryOptions): RequestOptions {
  return RequestOptions.parse({ ...before, ...changes, run_at: null });
}

/** Fills in the project's times of streams where the call names none. */
export function withStreamTimeouts(
  options: RequestOptions,
  { streamTimeouts }: Pick<Project, 'streamTimeouts'>,
): RequestOptions {
  return {
    ...options,
    first_event_timeout_seconds:
      options.first_event_timeout_seconds ?? streamTimeouts.first_event_timeout_seconds,
    silence_timeout_seconds: options.silence_timeout_seconds ?? streamTimeouts.silence_timeout_seconds,
  };
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
