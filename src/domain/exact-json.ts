import { readAsDouble } from './json-number.ts';
import { parseLeniently } from './lenient-json.ts';
import { isObject } from './raw-json.ts';

/** Matches where a number may begin that a double rounds. It may also match inside a string: it is only a hint. */
const LONG_INTEGER = /[^.\d]\d{16}/;

/** Node 21 and newer. An older one rounds, as JSON.parse does. */
const rawJson: unknown = Reflect.get(JSON, 'rawJSON');
const isRawJson: unknown = Reflect.get(JSON, 'isRawJSON');

/**
 * Parses JSON so that JSON.stringify writes every number with the same value. A number that a double rounds becomes a
 * `JSON.rawJSON` object with its literal; see `isExactNumber`. Throws the SyntaxError of JSON.parse.
 */
export function parseExactly(text: string): unknown {
  if (typeof rawJson !== 'function' || !LONG_INTEGER.test(text)) return JSON.parse(text);
  const keep = (_key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
    typeof value === 'number' && source !== undefined && readAsDouble(source) !== 'double'
      ? rawJson(source)
      : value;
  // The types of JSON.parse lack the third argument.
  return Reflect.apply(JSON.parse, JSON, [text, keep]);
}

/** The same; `NaN` and the infinities are null, and a text that is not JSON is undefined. */
export function parseExactlyOrLeniently(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return parseLeniently(text);
  }
}

/** Whether a value of `parseExactly` is a number that a double rounds. */
export function isExactNumber(value: unknown): boolean {
  return typeof isRawJson === 'function' && typeof value === 'object' && isRawJson(value) === true;
}

/** Whether a value of `parseExactly` is a JSON object. */
export function isExactObject(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !isExactNumber(value);
}
