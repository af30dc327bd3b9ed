import type { Hash } from 'node:crypto';

/** Characters that are collected before they are hashed, and the longest piece of a string that is hashed at once. */
const PIECE = 64 * 1024;

/**
 * Hashes the canonical JSON of a value (RFC 8785) without building it, because the text of a large body would be in
 * memory once more. Members are sorted by UTF-16 code units; numbers and strings are written as JSON.stringify does.
 *
 * @param value a value that JSON.parse has returned, so it has no cycles and nothing that JSON lacks
 */
export function hashCanonical(hash: Hash, value: unknown): void {
  let pending = '';

  function add(text: string): void {
    pending += text;
    if (pending.length < PIECE) return;
    hash.update(pending);
    pending = '';
  }

  function addString(text: string): void {
    if (text.length <= PIECE) return add(JSON.stringify(text));
    add('"');
    for (let at = 0; at < text.length;) {
      const end = endOfPiece(text, at);
      add(JSON.stringify(text.slice(at, end)).slice(1, -1));
      at = end;
    }
    add('"');
  }

  function addValue(part: unknown): void {
    if (typeof part === 'string') return addString(part);
    if (typeof part !== 'object' || part === null) return add(JSON.stringify(part));
    if (Array.isArray(part)) {
      add('[');
      part.forEach((element: unknown, nth) => {
        if (nth > 0) add(',');
        addValue(element);
      });
      return add(']');
    }
    add('{');
    const members = Object.entries(part).sort(byName);
    members.forEach(([name, member], nth) => {
      add(`${nth > 0 ? ',' : ''}${JSON.stringify(name)}:`);
      addValue(member);
    });
    add('}');
  }

  addValue(value);
  hash.update(pending);
}

/** Compares by UTF-16 code units, as `<` does. */
function byName([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}

/** The end of a piece, which never splits a surrogate pair. */
function endOfPiece(text: string, at: number): number {
  const end = Math.min(text.length, at + PIECE);
  const last = text.charCodeAt(end - 1);
  return end < text.length && last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
