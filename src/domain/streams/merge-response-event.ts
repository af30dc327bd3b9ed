import { isExactObject } from '../exact-json.ts';
import { beginResponse, beginValue } from './begin-value.ts';
import type { Path } from './cuts.ts';
import { valueAt } from './fill.ts';
import { Outline } from './outline.ts';
import { addPart, indexSteps, setAt } from './response-places.ts';
import { LIFECYCLE, RESPONSE_EVENTS, type Place } from './response-table.ts';

/** Members of an event that are not part of its shape. */
const LEFT_OUT = new Set(['type', 'sequence_number', 'obfuscation', '__proto__']);
/** Characters of any other member as JSON, above which an event is not replayed. */
const MAX_LITERAL = 512;

/**
 * Merges an event into the Response and returns its outline. Null = it is not replayed, because it has something large
 * that the Response lacks.
 *
 * @param answer the Response, which is changed
 */
export function mergeResponseEvent(
  answer: Record<string, unknown>,
  type: string,
  event: Readonly<Record<string, unknown>>,
): Outline | null {
  const outline = new Outline();
  const steps = indexSteps(answer, event, outline);
  if (steps === null) return null;
  const row = RESPONSE_EVENTS.get(type) ?? {};
  const pathTo = (place: Place): Path => place.map((name) => steps.get(name) ?? name);
  outline.text = `{"type":${JSON.stringify(type)}`;
  for (const name of Object.keys(event)) {
    if (LEFT_OUT.has(name)) continue;
    const value = event[name];
    outline.text += `,${JSON.stringify(name)}:`;
    const step = steps.get(name);
    const part = row.parts?.[name];
    const begun = row.begun?.[name];
    const whole = row.whole?.[name];
    if (step !== undefined) outline.markIndex(step);
    else if (part !== undefined) addPart(answer, value, pathTo(part), outline);
    else if (begun !== undefined) {
      setAt(answer, value, pathTo(begun), outline);
      beginValue(value, pathTo(begun), outline);
      outline.seal();
      outline.changes ||= isExactObject(value) && hasContentAtOnce(value);
    } else if (whole !== undefined) {
      addWhole(answer, value, pathTo(whole), outline);
    } else if (name === 'response' && LIFECYCLE.has(type) && isExactObject(value)) {
      const { output: _, ...others } = value;
      Object.assign(answer, others);
      beginResponse(value, outline);
      outline.seal();
    } else if (!addOther(answer, name, value, pathTo(['output', 'output_index', 'id']), outline)) return null;
  }
  return outline;
}

/** Adds a finished value. A list that is empty need not be in the Response: not every upstream shows it there. */
function addWhole(answer: Record<string, unknown>, value: unknown, path: Path, outline: Outline): void {
  outline.seal();
  if (Array.isArray(value) && value.length === 0) {
    outline.text += '[]';
    return;
  }
  setAt(answer, value, path, outline);
  outline.markWhole(path);
  outline.changes = true;
}

/** Every item but a message and every part of reasoning is content, even before its first text. */
function hasContentAtOnce({ type }: Readonly<Record<string, unknown>>): boolean {
  return type !== 'message' && type !== 'output_text' && type !== 'refusal';
}

/** Writes a member that the Response does not have. False = it is too large. */
function addOther(
  answer: Readonly<Record<string, unknown>>,
  name: string,
  value: unknown,
  idPath: Path,
  outline: Outline,
): boolean {
  // The item has the same id, so that the events of all items share their templates.
  if (name === 'item_id' && valueAt(answer, idPath, outline.at) === value) {
    outline.markConstant(idPath);
    return true;
  }
  const json = JSON.stringify(value);
  // A part was taken from the leaf, so the event has to be replayed.
  const isLarge = json.length > MAX_LITERAL;
  outline.text += isLarge ? 'null' : json;
  return !isLarge || outline.counts.length > 0;
}
