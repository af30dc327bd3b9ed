import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { Operation } from '../../domain/operations.ts';
import { Refusal } from '../../domain/refusal.ts';
import { fingerprint, ownMembersOf } from '../routes/new-request.ts';
import { OPERATION_SCHEMAS, OWN_MEMBERS } from '../routes/schemas.ts';
import { type JsonBody, type LargeBody, parseBody } from './json-body.ts';
import { validate } from './validation.ts';

/** Longest text of a member that is kept for the route: keys, model names and ids are shorter. */
const MAX_KEPT = 4_096;
/** OpenAI's members that are objects, and that a route reads. */
const KEPT_OBJECTS: ReadonlySet<string> = new Set(['stream_options']);
const COMMA = 0x2c;

/**
 * Reads a large body as the usual path reads a small one: strictly, with the checks of its operation. What is left of
 * it are the bytes that are sent upstream and the few members that ReqRun acts on. It takes up to a second for 64 MiB,
 * so it runs in a thread of its own.
 *
 * @param bytes the received body. It is changed in place, because a copy would take its size once more
 * @throws Refusal
 */
export function readLargeBody(operation: Operation, bytes: Uint8Array): LargeBody {
  const body = parseBody(bytes);
  const schema: z.ZodType<Record<string, unknown>> = OPERATION_SCHEMAS[operation].body;
  const checked = validate(schema, body.value);
  if ('error' in checked) throw checked.error;
  const kept = Object.entries(checked.value).filter(
    ([name, value]) => OWN_MEMBERS.has(name) || KEPT_OBJECTS.has(name) || isSmall(value),
  );
  const print = fingerprint(operation, body);
  const sent = cutInPlace(bytes, body, ownMembersOf(operation));
  return {
    members: Object.fromEntries(kept),
    given: body.value['reqrun'],
    fingerprint: print,
    bytes: sent,
    sha256: createHash('sha256').update(sent).digest('hex'),
  };
}

function isSmall(value: unknown): boolean {
  return typeof value === 'string' ? value.length <= MAX_KEPT : typeof value !== 'object' || value === null;
}

/** Moves the kept members of the outermost object together, and leaves every other byte as it came. */
function cutInPlace(bytes: Uint8Array, { text, members }: JsonBody, names: ReadonlySet<string>): Uint8Array {
  const kept = members.filter(({ name }) => !names.has(name));
  const [first, last] = [members[0], members.at(-1)];
  if (kept.length === members.length || first === undefined || last === undefined) return bytes;
  const at = byteOffsets(bytes, text);
  let end = at(first.start);
  const move = (from: number, to: number): void => {
    bytes.copyWithin(end, from, to);
    end += to - from;
  };
  kept.forEach((member, nth) => {
    if (nth > 0) bytes[end++] = COMMA;
    move(at(member.start), at(member.end));
  });
  move(at(last.end), bytes.length);
  return bytes.subarray(0, end);
}

/** Translates offsets of characters, which must not decrease, to offsets of bytes. */
function byteOffsets(bytes: Uint8Array, text: string): (character: number) => number {
  if (bytes.length === text.length) return (character) => character;
  let [characters, offset] = [0, 0];
  return (character) => {
    offset += Buffer.byteLength(text.slice(characters, character));
    characters = character;
    return offset;
  };
}

/** What a {@link Refusal} of a body consists of, for the way between threads. */
export type PlainRefusal = Pick<Refusal, 'code' | 'message' | 'param'>;

export function toPlain(error: unknown): PlainRefusal {
  if (!(error instanceof Refusal)) throw error;
  return { code: error.code, message: error.message, param: error.param };
}
