import type { RequestOptions } from './options.ts';
import type { OptionCaps } from './project.ts';
import { Refusal } from './refusal.ts';

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
