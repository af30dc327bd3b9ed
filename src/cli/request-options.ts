import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { NewRequestOptions, RetryOptions } from '../domain/options.ts';
import { UsageError } from './exit-codes.ts';

/** What `create` takes: the options of a retry by hand, and a start delay. Without defaults, which are the API's. */
export const CreateOptions = RetryOptions.extend({
  run_at: NewRequestOptions.shape.run_at
    .unwrap()
    .optional()
    .describe(NewRequestOptions.shape.run_at.description ?? ''),
});
export type CreateOptions = z.infer<typeof CreateOptions>;

/** A schema whose members are options, with the texts of `--help`. */
type OptionsSchema<Options> = z.ZodType<Options> & {
  readonly shape: Readonly<Record<string, { readonly description?: string | undefined }>>;
};

/** The options of a schema as flags: `max_attempts` is `--max-attempts <value>`. */
const flagsOf = ({ shape }: Pick<OptionsSchema<unknown>, 'shape'>) =>
  Object.entries(shape).map(([name, { description = '' }]) => ({
    name,
    attribute: name.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase()),
    flag: `--${name.replaceAll('_', '-')} <value>`,
    description,
  }));

/** Adds a flag for each option of a request. */
export function addRequestOptions(command: Command, schema: OptionsSchema<unknown>): Command {
  for (const { flag, description } of flagsOf(schema)) command.option(flag, description);
  return command;
}

/**
 * Reads the request's options from the flags of a command.
 *
 * @throws UsageError if a value is out of bounds
 */
export function requestOptions<Options>(
  given: Readonly<Record<string, unknown>>,
  schema: OptionsSchema<Options>,
): Options {
  const set = flagsOf(schema).flatMap(({ name, attribute }): [string, unknown][] => {
    const value = given[attribute];
    return typeof value === 'string' ? [[name, valueOf(value)]] : [];
  });
  const parsed = schema.safeParse(Object.fromEntries(set));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(
    ({ path, message }) => `--${String(path[0]).replaceAll('_', '-')}: ${message}`,
  );
  throw new UsageError(faults.join('\n'));
}

function valueOf(text: string): string | number | null {
  if (text === 'null') return null;
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

/** Parses a number of seconds on the command line. */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a number of seconds.');
}
