import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import type { RefusalCode } from '../../domain/error-catalogue.ts';
import { Refusal } from '../../domain/refusal.ts';

type Issue = z.core.$ZodIssue;

/** Validates with the zod schemas of the route. A fault becomes a {@link Refusal} that names the field. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema }) => {
  return (data: unknown) =>
    data instanceof CheckedMembers ? { value: data.members } : validate(schema, data);
};

/** The members of a body that was validated where it was read. */
export class CheckedMembers {
  readonly members: unknown;

  constructor(members: unknown) {
    this.members = members;
  }
}

/** The validated value, or the refusal that names the first fault. */
export function validate<T>(
  schema: z.ZodType<T>,
  data: unknown,
): { readonly value: T } | { readonly error: Refusal } {
  const parsed = schema.safeParse(data);
  return parsed.success ? { value: parsed.data } : { error: toRefusal(parsed.error.issues) };
}

function toRefusal(issues: readonly Issue[]): Refusal {
  const issue = deepest(issues[0]);
  if (issue === undefined) return new Refusal('invalid_request');
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const code = toCode(issue);
  const param = [...issue.path, ...unknown].map(String).join('.').slice(0, 200);
  // zod's messages name types and bounds, never the value. For missing and unknown fields they name the key,
  // so the catalogue's meaning is used instead.
  const message = code === 'missing_field' || code === 'unknown_field' ? undefined : issue.message;
  return new Refusal(code, { param, ...(message === undefined ? {} : { message: `${message}.` }) });
}

function toCode(issue: Issue): RefusalCode {
  if (issue.code === 'unrecognized_keys') return 'unknown_field';
  // A missing field fails every branch of its union.
  if (issue.code === 'invalid_union')
    return issue.errors.flat().every(isMissing) ? 'missing_field' : 'invalid_type';
  if (issue.code !== 'invalid_type') return 'invalid_value';
  if (issue.expected === 'int') return 'invalid_value';
  return isMissing(issue) ? 'missing_field' : 'invalid_type';
}

function isMissing(issue: Issue): boolean {
  return issue.code === 'invalid_type' && /received undefined$/.test(issue.message);
}

/**
 * The most specific issue. In a union, a branch that failed on the value is more useful than one on the type.
 */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const byValue = issue.errors.flat().find((inner) => inner.code !== 'invalid_type');
  return byValue === undefined ? issue : { ...byValue, path: [...issue.path, ...byValue.path] };
}
