import { visit } from 'jsonc-parser';

/** A text's value, or what is wrong with it: never a part of it, which a parser's own message would quote. */
export type StrictJson = { readonly value: unknown } | { readonly fault: string };

/** Reads JSON in which no object names a member twice: a parser takes the last of two, silently. */
export function parseStrictJson(text: string): StrictJson {
  try {
    const value: unknown = JSON.parse(text);
    return namesMemberTwice(text) ? { fault: 'an object in it names the same member twice' } : { value };
  } catch {
    return { fault: 'it is not JSON' };
  }
}

/** @param text valid JSON */
function namesMemberTwice(text: string): boolean {
  const open: Set<string>[] = [];
  let isTwice = false;
  visit(text, {
    onObjectBegin: () => void open.push(new Set()),
    onObjectEnd: () => void open.pop(),
    onObjectProperty: (name) => {
      const names = open.at(-1);
      isTwice ||= names?.has(name) ?? false;
      names?.add(name);
    },
  });
  return isTwice;
}
