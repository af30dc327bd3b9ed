import { isExactObject } from '../exact-json.ts';
import { MARK, type Path } from './cuts.ts';
import { append } from './growing-text.ts';
import type { Outline } from './outline.ts';

/**
 * Merges deltas into an object of the answer. openai-node sets the strings that it knows and drops others, openai-python
 * appends every string but `type`, LangChain appends every string but equal ids. All of them agree on OpenAI's own
 * fields. For fields that only other providers have, these rules keep everything:
 *
 * - A string is appended, unless its name says that it is no text.
 * - Elements of an array with an `index` are merged with the one of the same index. Others are added at the end.
 * - Objects are merged. Of anything else, the last value that is not null counts.
 */

/** Strings that are set: providers repeat them in every chunk. Also those whose names end in SET_ENDING. */
const SET = new Set(['id', 'type', 'role', 'object', 'format', 'status', 'model', 'mime_type', 'encoding']);
const SET_ENDING = /_(?:id|type|format|reason|at)$/;
/** A string that a few providers send in parts, and many repeat in every chunk. */
const NAME = 'name';

/**
 * Merges one delta and writes its outline as JSON.
 *
 * @param target the object of the answer, which is changed
 * @param path where the object is in the answer
 */
export function mergeDelta(
  target: Record<string, unknown>,
  delta: Readonly<Record<string, unknown>>,
  path: Path,
  outline: Outline,
): void {
  outline.text += '{';
  mergeMembers(target, delta, path, outline);
  outline.text += '}';
}

/** The same without braces. `isFirst` = the outline has no member of the object yet. */
export function mergeMembers(
  target: Record<string, unknown>,
  delta: Readonly<Record<string, unknown>>,
  path: Path,
  outline: Outline,
  isFirst = true,
): void {
  let separator = isFirst ? '' : ',';
  for (const name of Object.keys(delta)) {
    // An assignment to it would change the prototype.
    if (name === '__proto__') continue;
    outline.text += `${separator}${JSON.stringify(name)}:`;
    separator = ',';
    mergeMember(target, name, delta[name], path, outline);
  }
}

function mergeMember(
  target: Record<string, unknown>,
  name: string,
  value: unknown,
  path: Path,
  outline: Outline,
): void {
  if (value === null) {
    if (!Object.hasOwn(target, name)) target[name] = null;
    outline.text += 'null';
  } else if (typeof value === 'string' && !isSetString(name)) appendText(target, name, value, path, outline);
  else if (Array.isArray(value)) mergeArray(target, name, value, path, outline);
  else if (isExactObject(value)) {
    const current = target[name];
    const merged = isExactObject(current) ? current : {};
    target[name] = merged;
    mergeDelta(merged, value, [...path, name], outline);
  } else setValue(target, name, value, path, outline);
}

function isSetString(name: string): boolean {
  return SET.has(name) || name === NAME || SET_ENDING.test(name);
}

/** Adds text at the end of a leaf. Empty text leaves null as it is. */
function appendText(
  target: Record<string, unknown>,
  name: string,
  text: string,
  path: Path,
  outline: Outline,
): void {
  const current = target[name];
  const leaf = [...path, name];
  if (Array.isArray(current)) {
    // Mistral sends a list of parts while the model thinks, and text after it.
    outline.markTake(MARK.list, leaf, current.length, text === '' ? 0 : 1);
    if (text !== '') current.push({ type: 'text', text });
    return;
  }
  const before = typeof current === 'string' ? current : '';
  if (current !== null || text !== '') target[name] = append(before, text);
  outline.markTake(MARK.text, leaf, before.length, text.length);
}

/** Sets a value, unless it is an empty or a repeated string. A name that goes on is appended. */
function setValue(
  target: Record<string, unknown>,
  name: string,
  value: unknown,
  path: Path,
  outline: Outline,
): void {
  const current = target[name];
  const isRepeated = value === current || (value === '' && typeof current === 'string');
  if (!isRepeated) {
    target[name] =
      name === NAME && typeof current === 'string' && typeof value === 'string' ? current + value : value;
    outline.changes = true;
  }
  const leaf = [...path, name];
  if (isRepeated) outline.markConstant(leaf);
  else outline.markWhole(leaf);
}

function mergeArray(
  target: Record<string, unknown>,
  name: string,
  value: readonly unknown[],
  path: Path,
  outline: Outline,
): void {
  const leaf = [...path, name];
  const list = listIn(target, name);
  if (value.length > 0 && value.every(hasIndex)) {
    let separator = '';
    outline.text += '[';
    for (const element of value) {
      outline.text += separator;
      separator = ',';
      mergeIndexed(list, element, leaf, outline);
    }
    outline.text += ']';
    return;
  }
  outline.markTake(MARK.list, leaf, list.length, value.length);
  for (const element of value) list.push(element);
}

/** The array of the answer. Text that stands in its place becomes its first part. */
function listIn(target: Record<string, unknown>, name: string): unknown[] {
  const current = target[name];
  if (Array.isArray(current)) return current;
  const list: unknown[] =
    typeof current === 'string' && current !== '' ? [{ type: 'text', text: current }] : [];
  target[name] = list;
  return list;
}

function hasIndex(element: unknown): element is Record<string, unknown> & { readonly index: number } {
  return isExactObject(element) && Number.isSafeInteger(element['index']) && Number(element['index']) >= 0;
}

function mergeIndexed(
  list: unknown[],
  { index, ...rest }: Record<string, unknown> & { readonly index: number },
  path: Path,
  outline: Outline,
): void {
  let position = list.findIndex((element) => isExactObject(element) && element['index'] === index);
  if (position === -1) {
    position = list.push({ index }) - 1;
    outline.changes = true;
  }
  const current = list[position];
  const step = outline.addIndex(position);
  outline.text += '{"index":';
  outline.markIndex(step, index);
  if (isExactObject(current)) mergeMembers(current, rest, [...path, step], outline, false);
  outline.text += '}';
}
