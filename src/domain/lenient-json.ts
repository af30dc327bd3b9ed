import { isUtf8 } from 'node:buffer';
import { outsideStrings } from './json-members.ts';

/**
 * Matches strings, which stay unchanged, and the three literals that JSON lacks and that Python's and Go's
 * writers emit.
 */
const STRING_OR_NON_FINITE = /"(?:[^"\\]|\\[^])*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * Parses a JSON text; undefined if it is not JSON. `NaN`, `Infinity` and `-Infinity` are read as null; an
 * official Python client reads them as numbers. The value is only for classification: the caller gets the
 * original bytes.
 */
export function parseLeniently(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Most texts that fail here are not JSON at all.
  }
  const strict = toStrictJson(text);
  if (strict === text) return undefined;
  try {
    return JSON.parse(strict);
  } catch {
    return undefined;
  }
}

/** Whether a text that {@link parseLeniently} reads is valid UTF-8 and needs no replacement by {@link toStrictJson}. */
export function isStrictJson(bytes: Uint8Array): boolean {
  if (!isUtf8(bytes)) return false;
  // Base64 often has one of the words in it, so the insides of strings do not count.
  if (!isNonFinite(bytes)) return true;
  for (const part of outsideStrings(bytes)) if (isNonFinite(part)) return false;
  return true;
}

function isNonFinite(part: Uint8Array): boolean {
  const text = Buffer.from(part.buffer, part.byteOffset, part.byteLength);
  return text.includes('NaN') || text.includes('Infinity');
}

/** Replaces every non-finite number with null, so that a strict parser can read the text. */
export function toStrictJson(text: string): string {
  if (!text.includes('NaN') && !text.includes('Infinity')) return text;
  return text.replaceAll(STRING_OR_NON_FINITE, (found) => (found.startsWith('"') ? found : 'null'));
}
