import { isExactObject } from '../exact-json.ts';
import { MARK, type Path } from './cuts.ts';
import { append } from './growing-text.ts';
import type { Outline } from './outline.ts';
import { INDEXES } from './response-table.ts';

/**
 * The highest position that an event may name. An answer of 20 MiB has fewer items, and an array of the largest one
 * takes little memory.
 */
const MAX_INDEX = 65_535;

/**
 * Adds the positions of an event to its outline. Returns the step that stands for each; null for positions that cannot
 * be. An event without `output_index` belongs to the item of its `item_id`, or to the last one.
 */
export function indexSteps(
  answer: Readonly<Record<string, unknown>>,
  event: Readonly<Record<string, unknown>>,
  outline: Outline,
): Map<string, number> | null {
  const steps = new Map<string, number>();
  for (const name of INDEXES) {
    const index =
      event[name] ?? (name === 'output_index' ? positionOfItem(answer, event['item_id']) : undefined);
    if (index === undefined) continue;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index > MAX_INDEX) return null;
    steps.set(name, outline.addIndex(index));
  }
  return steps;
}

function positionOfItem({ output }: Readonly<Record<string, unknown>>, id: unknown): number | undefined {
  if (typeof id !== 'string' || !Array.isArray(output)) return undefined;
  const position = output.findIndex((item) => isExactObject(item) && item['id'] === id);
  return position === -1 ? Math.max(output.length - 1, 0) : position;
}

/** Adds a part to a string or an array of the answer, and marks its place. */
export function addPart(answer: Record<string, unknown>, part: unknown, path: Path, outline: Outline): void {
  const holder = holderAt(answer, path, outline);
  const name = stepName(path.at(-1), outline);
  const current = holder.get(name);
  if (typeof part === 'string') {
    const before = typeof current === 'string' ? current : '';
    holder.set(name, append(before, part));
    outline.markTake(MARK.text, path, before.length, part.length);
  } else if (Array.isArray(part)) {
    const list: unknown[] = Array.isArray(current) ? current : [];
    // A list that is empty in every event need not be in the answer.
    if (part.length > 0) holder.set(name, list);
    outline.markTake(MARK.list, path, list.length, part.length);
    for (const element of part) list.push(element);
  } else outline.text += JSON.stringify(part ?? null);
}

/** Puts a value into the answer. */
export function setAt(answer: Record<string, unknown>, value: unknown, path: Path, outline: Outline): void {
  holderAt(answer, path, outline).set(stepName(path.at(-1), outline), value);
}

interface Holder {
  get(name: string | number): unknown;
  set(name: string | number, value: unknown): void;
}

/** The object or the array that has the last step of a path. What is missing on the way is made. */
function holderAt(answer: Record<string, unknown>, path: Path, outline: Outline): Holder {
  let holder = holderOf(answer);
  for (const [position, step] of path.slice(0, -1).entries()) {
    const name = stepName(step, outline);
    let value = holder.get(name);
    if (typeof value !== 'object' || value === null) {
      value = typeof path[position + 1] === 'number' ? [] : {};
      holder.set(name, value);
    }
    holder = holderOf(value);
  }
  return holder;
}

function holderOf(value: unknown): Holder {
  if (Array.isArray(value)) {
    const list: unknown[] = value;
    return {
      get: (name) => list[Number(name)],
      set(name, element) {
        // A hole would be lost in JSON.
        while (list.length < Number(name)) list.push(null);
        list[Number(name)] = element;
      },
    };
  }
  const object = isExactObject(value) ? value : {};
  return { get: (name) => object[name], set: (name, member) => void (object[name] = member) };
}

function stepName(step: string | number | undefined, outline: Outline): string | number {
  return typeof step === 'number' ? (outline.at[-step - 1] ?? 0) : (step ?? '');
}
