import { isObject } from '../raw-json.ts';
import { MARK, type Path, type Template } from './cuts.ts';

/** A template that is ready to be filled. */
export interface CompiledTemplate {
  readonly pieces: readonly string[];
  /** The mark that follows each piece but the last. */
  readonly marks: readonly string[];
  readonly paths: readonly Path[];
}

// The marks are control characters, because JSON text has none.
const MARKS = /[\u0001-\u0005]/g;

export function compile({ text, paths }: Template): CompiledTemplate {
  return { pieces: text.split(MARKS), marks: text.match(MARKS) ?? [], paths };
}

/** The part of the answer that fills a template. */
export interface Filling {
  readonly at: readonly number[];
  /** For each mark `text` or `list`: where the part begins. */
  readonly starts: readonly number[];
  readonly counts: readonly number[];
}

/**
 * Writes an event's JSON. Null = the answer lacks the item or the part that the event is about. An outermost member that
 * the answer lacks is written as null.
 */
export function fill(
  { pieces, marks, paths }: CompiledTemplate,
  { at, starts, counts }: Filling,
  answer: Readonly<Record<string, unknown>>,
): string | null {
  let json = pieces[0] ?? '';
  let take = 0;
  for (let place = 0; place < marks.length; place += 1) {
    const path = paths[place] ?? [];
    const mark = marks[place];
    if (mark === MARK.index || mark === MARK.shownIndex) json += String(at[-Number(path[0]) - 1]);
    else {
      const value = valueAt(answer, path, at);
      if (mark === MARK.whole) {
        if (value === undefined && path.length > 1) return null;
        json += JSON.stringify(value ?? null);
      } else {
        const start = starts[take] ?? 0;
        const end = start + (counts[take] ?? 0);
        take += 1;
        json +=
          mark === MARK.text
            ? JSON.stringify(textOf(value).slice(start, end))
            : JSON.stringify(Array.isArray(value) ? value.slice(start, end) : []);
      }
    }
    json += pieces[place + 1] ?? '';
  }
  return json;
}

/** The value at a path; undefined if there is none. Choices are found by their `index`. */
export function valueAt(
  answer: Readonly<Record<string, unknown>>,
  path: Path,
  at: readonly number[],
): unknown {
  let value: unknown = answer;
  let isChoices = false;
  for (const step of path) {
    const name = typeof step === 'number' && step < 0 ? (at[-step - 1] ?? 0) : step;
    if (Array.isArray(value)) value = isChoices ? choiceAt(value, Number(name)) : value[Number(name)];
    else value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
    isChoices = name === 'choices';
  }
  return value;
}

function choiceAt(choices: readonly unknown[], index: number): unknown {
  const isIt = (choice: unknown): boolean => isObject(choice) && choice['index'] === index;
  const usual = choices[index];
  return isIt(usual) ? usual : choices.find(isIt);
}

/** A string of the answer. One that became a list of parts is the text of the first part. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  return isObject(first) && typeof first['text'] === 'string' ? first['text'] : '';
}
