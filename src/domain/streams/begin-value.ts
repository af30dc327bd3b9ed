import { isExactObject } from '../exact-json.ts';
import { MARK, type Path } from './cuts.ts';
import type { Outline } from './outline.ts';
import { CHANGING, GROWING } from './response-table.ts';

/** Characters of a value as JSON up to which a template has the value itself. Longer ones are read from the answer. */
const MAX_LITERAL = 200;
/** The same for members that do not change. */
const MAX_SHORT = 24;
/** Members that differ from item to item and do not change. The answer has them, so that items share templates. */
const CONSTANT = new Set(['id', 'call_id', 'name']);

/** Writes an item or a part as it is begun: texts as far as they have come, everything else as it is. */
export function beginValue(value: unknown, path: Path, outline: Outline): void {
  if (Array.isArray(value)) return beginList(value, path, outline);
  if (!isExactObject(value)) return literal(value, path, outline, MAX_LITERAL);
  let separator = '';
  outline.text += '{';
  for (const name of Object.keys(value)) {
    const member = value[name];
    const leaf = [...path, name];
    outline.text += `${separator}${JSON.stringify(name)}:`;
    separator = ',';
    if (GROWING.has(name) && typeof member === 'string') outline.markTake(MARK.text, leaf, 0, member.length);
    else if (CONSTANT.has(name)) outline.markConstant(leaf);
    else if (Array.isArray(member)) beginList(member, leaf, outline);
    else literal(member, leaf, outline, MAX_LITERAL);
  }
  outline.text += '}';
}

function beginList(list: readonly unknown[], path: Path, outline: Outline): void {
  if (list.length > 0 && !list.every(isExactObject)) return literal(list, path, outline, MAX_LITERAL);
  outline.text += '[';
  for (const [position, element] of list.entries()) {
    if (position > 0) outline.text += ',';
    beginValue(element, [...path, outline.addIndex(position)], outline);
  }
  outline.text += ']';
}

/** Writes the Response as it stands, without the output, whose items come with their own events. */
export function beginResponse(response: Readonly<Record<string, unknown>>, outline: Outline): void {
  let separator = '';
  outline.text += '{';
  for (const name of Object.keys(response)) {
    outline.text += `${separator}${JSON.stringify(name)}:`;
    separator = ',';
    if (name === 'output') outline.text += '[]';
    else literal(response[name], [name], outline, CHANGING.has(name) ? MAX_LITERAL : MAX_SHORT);
  }
  outline.text += '}';
}

function literal(value: unknown, path: Path, outline: Outline, max: number): void {
  const json = JSON.stringify(value);
  if (json.length <= max) outline.text += json;
  else outline.markWhole(path);
}
