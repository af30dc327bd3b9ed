import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { isObject } from '../domain/raw-json.ts';
import { UsageError } from './exit-codes.ts';
import type { CreateOptions } from './request-options.ts';

/** The body of a call, and its idempotency key if it has one. */
export interface Body {
  readonly text: string;
  readonly key: string | null;
}

/**
 * Reads a body from a file, or from stdin for `-`.
 *
 * @throws UsageError if the file cannot be read
 */
export async function readBody(file: string): Promise<string> {
  if (file === '-') {
    if (process.stdin.isTTY)
      process.stderr.write('Reading the body from the terminal; end it with Ctrl-D.\n');
    return text(process.stdin);
  }
  return readFile(file, 'utf8').catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new UsageError(`The body cannot be read from ${file} (${code}).`);
  });
}

/** ReqRun's own fields, as the command line sets them. */
export interface OwnFields {
  /** Null = not set. */
  readonly key: string | null;
  readonly options: CreateOptions;
}

/**
 * Adds ReqRun's own fields to a body. The rest of its text stays as it is, so that numbers keep their digits.
 *
 * @throws UsageError if the body is no JSON object, or has a field that the command line sets as well
 */
export function withOwnFields(body: string, { key, options }: OwnFields): Body {
  const value = parse(body);
  const added = {
    ...(key === null ? {} : { idempotency_key: key }),
    ...(Object.keys(options).length === 0 ? {} : { reqrun: options }),
  };
  const twice = Object.keys(added).filter((name) => Object.hasOwn(value, name));
  if (twice.length > 0) {
    throw new UsageError(`${twice.join(' and ')} can be set in the body or by an option, but not by both.`);
  }
  const own = value['idempotency_key'];
  return {
    text: Object.keys(added).length === 0 ? body : splice(body, added, Object.keys(value).length > 0),
    key: key ?? (typeof own === 'string' ? own : null),
  };
}

function parse(body: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new UsageError('The body is not valid JSON.');
  }
  if (isObject(value)) return value;
  throw new UsageError('The body must be a JSON object.');
}

/** Puts members behind the opening brace of an object. */
function splice(body: string, members: object, hasOthers: boolean): string {
  const begin = body.indexOf('{') + 1;
  const added = JSON.stringify(members).slice(1, -1);
  return `${body.slice(0, begin)}${added}${hasOthers ? ',' : ''}${body.slice(begin)}`;
}
