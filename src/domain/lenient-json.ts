/** Strings, which are left alone, and the three literals that JSON lacks and Python's and Go's writers emit. */
const STRING_OR_NON_FINITE = /"(?:[^"\\]|\\[^])*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * The value of a JSON text; undefined where it is none. `NaN`, `Infinity` and `-Infinity` are read as null, as an
 * official Python client reads them as numbers. For judging only: what is judged is passed on as it came.
 */
export function parseLeniently(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Most of what fails here is no JSON at all.
  }
  if (!hasNonFinite(text)) return undefined;
  try {
    return JSON.parse(toStrictJson(text));
  } catch {
    return undefined;
  }
}

/** The text with null in place of every non-finite number, so that a strict reader can read it. */
export function toStrictJson(text: string): string {
  if (!hasNonFinite(text)) return text;
  return text.replaceAll(STRING_OR_NON_FINITE, (found) => (found.startsWith('"') ? found : 'null'));
}

function hasNonFinite(text: string): boolean {
  return text.includes('NaN') || text.includes('Infinity');
}
