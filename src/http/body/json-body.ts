import { Refusal } from '../../domain/refusal.ts';
import { isObject } from '../../domain/raw-json.ts';
import { readStrictJson, type StrictJson } from '../../domain/strict-json.ts';

/** A body that is a JSON object. */
export interface JsonBody extends StrictJson {
  readonly value: Record<string, unknown>;
}

/** A body that was too large to be read in the usual way. See large-body.ts. */
export interface LargeBody {
  /** The members that routes read, validated. */
  readonly members: Record<string, unknown>;
  /** The member `reqrun` as it was sent. */
  readonly given: unknown;
  readonly fingerprint: string;
  /** The body that is sent upstream. */
  readonly bytes: Uint8Array;
  /** SHA-256 of these bytes, in hex. */
  readonly sha256: string;
}

/**
 * Parses a body that must be a JSON object.
 *
 * @throws Refusal with a 400 code
 */
export function parseBody(bytes: Uint8Array): JsonBody {
  const read = readStrictJson(decodeUtf8(bytes));
  if ('fault' in read) throw new Refusal(read.fault);
  const { value } = read;
  if (!isObject(value)) throw new Refusal('invalid_request', { message: 'The body must be a JSON object.' });
  return { ...read, value };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('invalid_encoding', { cause });
  }
}

/**
 * The text of the body without the named top-level members. Every other character is kept, so that the text
 * sent upstream is the text that was validated.
 */
export function cutMembers({ text, members }: JsonBody, names: ReadonlySet<string>): string {
  const kept = members.filter(({ name }) => !names.has(name));
  if (kept.length === members.length) return text;
  const first = members[0];
  const last = members.at(-1);
  if (first === undefined || last === undefined) return text;
  const rest = kept.map(({ start, end }) => text.slice(start, end)).join(',');
  return text.slice(0, first.start) + rest + text.slice(last.end);
}
