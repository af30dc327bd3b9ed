/**
 * Edits the outermost members of a JSON object in the bytes in which it came. Everything else keeps its bytes, so that
 * numbers, spacing and the order of members reach the reader unchanged.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
/** Bytes of the longest member name that is looked at. Longer names are never wanted. */
const MAX_NAME_BYTES = 256;

/** A new value for a member. */
export interface MemberEdit {
  /** The value as JSON, or a function of the present value as JSON. An absent member is given as `null`. */
  readonly json: string | ((present: string) => string);
  /** Whether to add the member where the object has none of this name. */
  readonly adds: boolean;
}

interface Member {
  /** Null for a name that is longer than any wanted one. */
  readonly name: string | null;
  readonly start: number;
  readonly end: number;
}

/**
 * Replaces the values of outermost members, every time that a name occurs, and adds missing ones at the start. Bytes
 * that are not a JSON object are returned unchanged. The text need not be strict JSON: only strings, brackets and
 * separators are read.
 */
export function editMembers(json: Uint8Array, edits: Readonly<Record<string, MemberEdit>>): Uint8Array {
  const members = outermostMembers(json);
  if (members === null) return json;
  const parts: Uint8Array[] = [];
  let from = json.indexOf(OPEN_OBJECT) + 1;
  parts.push(json.subarray(0, from));
  const names = new Set(members.map(({ name }) => name));
  const added = Object.entries(edits).filter(([name, { adds }]) => adds && !names.has(name));
  const text = added
    .map(([name, edit]) => `${JSON.stringify(name)}:${valueOf(edit, () => 'null')}`)
    .join(',');
  if (text !== '') parts.push(Buffer.from(members.length === 0 ? text : `${text},`));
  for (const { name, start, end } of members) {
    const edit = name !== null && Object.hasOwn(edits, name) ? edits[name] : undefined;
    if (edit === undefined) continue;
    const present = (): string => new TextDecoder().decode(json.subarray(start, end));
    parts.push(json.subarray(from, start), Buffer.from(valueOf(edit, present)));
    from = end;
  }
  return Buffer.concat([...parts, json.subarray(from)]);
}

function valueOf({ json }: MemberEdit, present: () => string): string {
  return typeof json === 'string' ? json : json(present());
}

/** The value of an outermost member as its own bytes; null if there is none. Of several, parsers take the last. */
export function memberBytes(json: Uint8Array, name: string): Uint8Array | null {
  const found = outermostMembers(json)?.findLast((member) => member.name === name);
  return found === undefined ? null : json.subarray(found.start, found.end);
}

/** The outermost members with the place of their values; null if the bytes are not an object. */
function outermostMembers(bytes: Uint8Array): Member[] | null {
  let at = skipSpace(bytes, 0);
  if (bytes[at] !== OPEN_OBJECT) return null;
  const members: Member[] = [];
  for (at = skipSpace(bytes, at + 1); bytes[at] === QUOTE; at = skipSpace(bytes, at + 1)) {
    const nameEnd = endOfString(bytes, at);
    const colon = skipSpace(bytes, nameEnd);
    if (bytes[colon] !== COLON) return null;
    const start = skipSpace(bytes, colon + 1);
    const next = endOfValue(bytes, start);
    members.push({ name: nameIn(bytes.subarray(at, nameEnd)), start, end: trimEnd(bytes, next) });
    at = next;
    if (bytes[at] !== COMMA) break;
  }
  return bytes[at] === CLOSE_OBJECT ? members : null;
}

/** The offset of the comma or bracket that follows a value. */
function endOfValue(bytes: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE:
        at = endOfString(bytes, at) - 1;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        depth += 1;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        if (depth === 0) return at;
        depth -= 1;
        break;
      case COMMA:
        if (depth === 0) return at;
    }
  }
  return bytes.length;
}

/** The parts of a JSON text outside of its strings. */
export function* outsideStrings(json: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < json.length;) {
    const quote = json.indexOf(QUOTE, at);
    yield json.subarray(at, quote === -1 ? json.length : quote);
    at = quote === -1 ? json.length : endOfString(json, quote);
  }
}

/** The offset after the closing quote. */
function endOfString(bytes: Uint8Array, start: number): number {
  let quote = bytes.indexOf(QUOTE, start + 1);
  while (quote !== -1 && isEscaped(bytes, quote)) quote = bytes.indexOf(QUOTE, quote + 1);
  return quote === -1 ? bytes.length : quote + 1;
}

function isEscaped(bytes: Uint8Array, quote: number): boolean {
  let first = quote;
  while (bytes[first - 1] === BACKSLASH) first -= 1;
  return (quote - first) % 2 === 1;
}

function nameIn(quoted: Uint8Array): string | null {
  if (quoted.length > MAX_NAME_BYTES) return null;
  try {
    return String(JSON.parse(new TextDecoder().decode(quoted)));
  } catch {
    return null;
  }
}

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

function trimEnd(bytes: Uint8Array, end: number): number {
  let at = end;
  while (isSpace(bytes[at - 1])) at -= 1;
  return at;
}
