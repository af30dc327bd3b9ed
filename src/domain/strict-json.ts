import type { RefusalCode } from './error-catalogue.ts';
import { readAsDouble } from './json-number.ts';

/** The result of a strict read: the value, and the text it was read from. */
export interface StrictJson {
  readonly value: unknown;
  readonly text: string;
  /** The members of the outermost object, in order. Empty when the value is not an object. */
  readonly members: readonly Member[];
  /** The positions of numbers that a double rounds, in order. */
  readonly rounded: readonly Span[];
}

/** Offsets into the text. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** A member: from the opening quote of its name to the end of its value. */
export interface Member extends Span {
  readonly name: string;
}

/** Why a text is refused, as a code of the error catalogue. */
export type JsonFault = Extract<
  RefusalCode,
  | 'invalid_json'
  | 'invalid_unicode'
  | 'invalid_number'
  | 'duplicate_field'
  | 'json_too_deep'
  | 'too_many_fields'
  | 'too_many_items'
>;

/**
 * Limits on structure, because structure takes far longer to read than plain bytes. Measured with Node 26 on
 * a busy two-core machine, JSON.parse included:
 *
 * - a member takes up to 0.7 µs;
 * - an element takes 0.04 to 0.3 µs;
 * - a byte of a string takes 1 to 4 ns (13 ns where every other one is an escaped quote);
 * - a byte of white space takes 9 ns.
 *
 * So the allowed maximum takes about 70 ms for members, 150 ms for elements, and 0.2 s for a string of 64
 * MiB. Canonical JSON for the fingerprint takes the same time again, and 1 µs for each number that a double
 * rounds. At most 60 MB of heap are used in addition to the text.
 *
 * Calls need far less: 1,000 tool steps have 11,000 members, 128 tools of 30 parameters have 16,000, and
 * 10,000 messages may have ten members each. Embeddings use up to 300,000 tokens in arrays.
 */
const MAX_DEPTH = 64;
const MAX_MEMBERS = 100_000;
const MAX_ELEMENTS_OF_ARRAY = 10_000;
/** Elements of all arrays together. Each array and each object counts as one more. */
const MAX_ELEMENTS = 500_000;

/**
 * Reads JSON so that every later parser sees the same value. What JSON.parse would lose or accept is a fault:
 * a member named twice, `__proto__`, unpaired surrogates, any depth. A fault contains none of the text.
 */
export function readStrictJson(text: string): StrictJson | { readonly fault: JsonFault } {
  // Scanned before JSON.parse, because JSON.parse has no limits.
  const scanned = scan(text);
  if ('fault' in scanned) return scanned;
  try {
    return { value: JSON.parse(text), text, ...scanned };
  } catch {
    return { fault: 'invalid_json' };
  }
}

/**
 * The value for comparison: each number that a double rounds is replaced by `{"__proto__": literal}`. So two
 * values are equal only when their texts mean the same. A strictly read text cannot contain this member.
 * Never send this value.
 */
export function exactValue({ value, text, rounded }: StrictJson): unknown {
  if (rounded.length === 0) return value;
  let exact = '';
  let from = 0;
  for (const { start, end } of rounded) {
    exact += `${text.slice(from, start)}{"__proto__":"${text.slice(start, end)}"}`;
    from = end;
  }
  return JSON.parse(exact + text.slice(from));
}

const EXPLANATIONS: Partial<Record<JsonFault, string>> = {
  duplicate_field: 'an object in it names the same member twice',
  invalid_unicode: 'it contains an unpaired surrogate',
  invalid_number: 'it contains a number out of range',
  json_too_deep: 'it is nested too deep',
  too_many_fields: 'it has too many members',
  too_many_items: 'it has too many elements',
};

/** Describes a fault in a file, for an operator. */
export function explainJsonFault(fault: JsonFault): string {
  return EXPLANATIONS[fault] ?? 'it is not JSON';
}

interface Container {
  /** The member names so far; null for an array. */
  readonly names: Set<string> | null;
  /** The name of the member that has this container as its value; null inside an array. */
  readonly of: string | null;
  elements: number;
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
const NUMBER = /[-\d][\d.eE+-]*/y;

/**
 * Scans the structure in one pass, without recursion. It leaves the syntax to JSON.parse, so for text that is
 * not JSON it may report any fault or none.
 *
 * White space, words and the insides of strings are skipped without a copy. The scanner of jsonc-parser
 * creates a string for each of them: 64 MB of white space took 12 s and 1.4 GiB with it, and 0.5 s here
 * (measured, Node 26).
 */
function scan(text: string): Pick<StrictJson, 'members' | 'rounded'> | { readonly fault: JsonFault } {
  if (!text.isWellFormed()) return { fault: 'invalid_unicode' };
  const hasSurrogateEscapes = SURROGATE_ESCAPE.test(text);
  const open: Container[] = [];
  const members: Member[] = [];
  const rounded: Span[] = [];
  let memberCount = 0;
  let elementCount = 0;
  let nameExpected = false;
  let lastName = '';
  const endMember = (end: number): void => {
    const last = open.length === 1 && open[0]?.names ? members.at(-1) : undefined;
    if (last?.end === 0) members[members.length - 1] = { ...last, end: trimEnd(text, end) };
  };
  for (let at = 0; at < text.length; at += 1) {
    if (elementCount > MAX_ELEMENTS) return { fault: 'too_many_items' };
    const container = open.at(-1);
    switch (text[at]) {
      case '{':
      case '[': {
        const isObject = text[at] === '{';
        open.push({
          names: isObject ? new Set() : null,
          of: container?.names ? lastName : null,
          elements: 1,
        });
        elementCount += 1;
        if (open.length > MAX_DEPTH) return { fault: 'json_too_deep' };
        nameExpected = isObject;
        break;
      }
      case '}':
      case ']':
        endMember(at);
        open.pop();
        nameExpected = false;
        break;
      case ',':
        endMember(at);
        nameExpected = container?.names !== null;
        if (nameExpected || container === undefined) break;
        elementCount += 1;
        container.elements += 1;
        if (container.elements > MAX_ELEMENTS_OF_ARRAY) return { fault: 'too_many_items' };
        break;
      case '"': {
        const start = at;
        const end = endOfString(text, start);
        at = end - 1;
        const isName = nameExpected && container?.names;
        if (!isName && !hasSurrogateEscapes) break;
        const string = unescape(text.slice(start, end));
        if (string === null) return { fault: 'invalid_json' };
        if (!string.isWellFormed()) return { fault: 'invalid_unicode' };
        if (!isName) break;
        nameExpected = false;
        if (++memberCount > MAX_MEMBERS) return { fault: 'too_many_fields' };
        const namesPrototype = string === 'prototype' && container.of === 'constructor';
        if (string === '__proto__' || namesPrototype) return { fault: 'invalid_json' };
        if (container.names?.has(string)) return { fault: 'duplicate_field' };
        container.names?.add(string);
        lastName = string;
        if (open.length === 1) members.push({ name: string, start, end: 0 });
        break;
      }
      default: {
        if (!startsNumber(text.charCodeAt(at))) break;
        NUMBER.lastIndex = at;
        NUMBER.test(text);
        const end = NUMBER.lastIndex;
        const reading = readAsDouble(text.slice(at, end));
        if (reading === 'out_of_range') return { fault: 'invalid_number' };
        if (reading === 'rounded') rounded.push({ start: at, end });
        at = end - 1;
      }
    }
  }
  return { members, rounded };
}

function startsNumber(code: number): boolean {
  return code === 0x2d || (code >= 0x30 && code <= 0x39);
}

/** Returns the offset after the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let first = quote;
  while (text[first - 1] === '\\') first -= 1;
  return (quote - first) % 2 === 1;
}

/** Returns the value of a quoted string; null when it is not a JSON string. */
function unescape(quoted: string): string | null {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return String(JSON.parse(quoted));
  } catch {
    return null;
  }
}

function trimEnd(text: string, end: number): number {
  return text.slice(0, end).trimEnd().length;
}
