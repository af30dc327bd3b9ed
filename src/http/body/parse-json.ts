import { createScanner } from 'jsonc-parser';
import { Refusal } from '../../domain/refusal.ts';
import { isObject } from '../../domain/raw-json.ts';

/** A body that was read strictly: its value and the very text it came in. */
export interface JsonBody {
  readonly value: Record<string, unknown>;
  readonly text: string;
  /** Where each top-level member stands in the text, for cutting some out. */
  readonly members: readonly Member[];
}

/** Offsets into the text, from the name's opening quote to the end of the value. */
export interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The scanner's SyntaxKind, whose ambient const enum cannot be imported by a single-file compiler. */
const Token = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  string: 10,
  number: 11,
  end: 17,
} as const;

const MAX_DEPTH = 64;
const MAX_MEMBERS = 10_000;
const MAX_ELEMENTS = 10_000;

/**
 * Reads a body so that every parser behind us sees the same request: what JSON.parse would lose or let pass
 * (duplicate members, unpaired surrogates, numbers it rounds, prototypes, depth) is refused here.
 *
 * @throws Refusal with a 400 code
 */
export function parseJson(bytes: Uint8Array): JsonBody {
  const text = decodeUtf8(bytes);
  const value = parseStrictly(text);
  if (!isObject(value)) throw new Refusal('invalid_request', { message: 'The body must be a JSON object.' });
  return { value, text, members: scan(text) };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('invalid_encoding', { cause });
  }
}

/** JSON.parse decides about syntax (it knows no byte order mark, no comments); its message quotes input. */
function parseStrictly(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Refusal('invalid_json', { cause });
  }
}

interface Container {
  /** Null in an array. */
  readonly names: Set<string> | null;
  /** The member whose value it is; null within an array. */
  readonly of: string | null;
  elements: number;
}

/** One pass over the tokens of a text that is known to be JSON; no recursion. */
function scan(text: string): Member[] {
  const scanner = createScanner(text, true);
  const open: Container[] = [];
  const members: Member[] = [];
  let memberCount = 0;
  let nameExpected = false;
  let lastName = '';
  for (let token: number = scanner.scan(); token !== Token.end; token = scanner.scan()) {
    const container = open.at(-1);
    switch (token) {
      case Token.openBrace:
      case Token.openBracket:
        open.push({
          names: token === Token.openBrace ? new Set() : null,
          of: container?.names ? lastName : null,
          elements: 1,
        });
        if (open.length > MAX_DEPTH) throw new Refusal('json_too_deep');
        nameExpected = token === Token.openBrace;
        break;
      case Token.closeBrace:
      case Token.closeBracket:
        open.pop();
        nameExpected = false;
        break;
      case Token.comma:
        nameExpected = container?.names !== null;
        if (container !== undefined && container.names === null && ++container.elements > MAX_ELEMENTS) {
          throw new Refusal('too_many_items');
        }
        break;
      case Token.string: {
        const string = scanner.getTokenValue();
        if (!string.isWellFormed()) throw new Refusal('invalid_unicode');
        if (!nameExpected || !container?.names) break;
        nameExpected = false;
        if (++memberCount > MAX_MEMBERS) throw new Refusal('too_many_fields');
        const namesPrototype = string === 'prototype' && container.of === 'constructor';
        if (string === '__proto__' || namesPrototype) throw new Refusal('invalid_json');
        if (container.names.has(string)) throw new Refusal('duplicate_field');
        container.names.add(string);
        lastName = string;
        if (open.length === 1) members.push({ name: string, start: scanner.getTokenOffset(), end: 0 });
        break;
      }
      case Token.number:
        if (!isRepresentable(scanner.getTokenValue())) throw new Refusal('invalid_number');
        break;
    }
    const last = members.at(-1);
    const endsMember = open.length === 1 && token !== Token.comma && token !== Token.openBrace;
    if (last !== undefined && endsMember) {
      members[members.length - 1] = { ...last, end: scanner.getTokenOffset() + scanner.getTokenLength() };
    }
  }
  return members;
}

/** From here on JavaScript itself writes exponents, and no integer type holds the value: to every reader a double. */
const ONLY_DOUBLES = 1e21;

/**
 * Whether a JSON number means the same to everyone who reads it, judged by its value, in whatever notation: it
 * does not vanish, and is within 2^53 - 1, or from 1e21 on the very decimal that its double is written as (1e300,
 * the largest double in a schema). Else a double stands for several values, and two requests that differ would
 * count as the same one. Linear time, however long the literal.
 */
export function isRepresentable(literal: string): boolean {
  const number = Number(literal);
  if (number === 0) return /^-?[0.]+(e|$)/i.test(literal);
  const magnitude = Math.abs(number);
  if (magnitude <= Number.MAX_SAFE_INTEGER) return true;
  if (magnitude < ONLY_DOUBLES || magnitude === Infinity) return false;
  return decimalOf(literal) === decimalOf(String(number));
}

/** A finite number's significant digits and the power of ten of the last one: the same for the same value. */
function decimalOf(literal: string): string {
  const [mantissa = '', exponent = '0'] = literal.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  const isZero = (at: number): boolean => digits[at] === '0';
  let [first, end] = [0, digits.length];
  while (isZero(first)) first += 1;
  // No regular expression: it would look at a run of zeros from each of them.
  while (end > first && isZero(end - 1)) end -= 1;
  return `${digits.slice(first, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
