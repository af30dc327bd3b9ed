/**
 * What is kept of a stream beside its answer: the shape of each event, and how much of the answer it carried. The
 * events can be built again from both.
 */

import { append } from './growing-text.ts';

/** A path in the answer. A negative step -k stands for the k-th index of an entry. */
export type Path = readonly (string | number)[];

/** The places in a template. JSON text never contains these characters unescaped. */
export const MARK = {
  /** The next characters of a string of the answer. */
  text: '\u0001',
  /** The next elements of an array of the answer. */
  list: '\u0002',
  /** A whole value of the answer. */
  whole: '\u0003',
  /** An index of the entry, as a number. */
  index: '\u0004',
  /** The same, where the number that is shown is not the position in the answer. */
  shownIndex: '\u0005',
} as const;

/** The shape that many events share: their JSON with marks, and one path for each mark, in order. */
export interface Template {
  readonly text: string;
  readonly paths: readonly Path[];
  /** Number of indexes in each entry. */
  readonly indexes: number;
}

/**
 * The index of a stream. It grows while the stream runs, and is plain JSON data of at most 64 KiB.
 *
 * `entries` has one entry per forwarded event, as base-45 numbers in one character each where they are small:
 *
 * - 0: as the entry before, with the same indexes; the counts follow.
 * - 1: an event that is not replayed.
 * - n + 2: template n; its indexes and its counts follow.
 */
export interface StreamCuts {
  readonly templates: readonly Template[];
  readonly entries: string;
}

/** What one event carried: the shape, and the part of the answer that fills it. */
export interface Cut extends Template {
  readonly at: readonly number[];
  /** For each mark `text` or `list`, in order: characters or elements. */
  readonly counts: readonly number[];
}

const SAME = 0;
const GAP = 1;
const FIRST_TEMPLATE = 2;
const BASE = 45;
const FIRST_CHARACTER = 0x23;
const BACKSLASH = 0x5c;

/** Characters of JSON that all templates together may have. A usual stream has 1 to 4 thousand. */
const MAX_TEMPLATES = 24 * 1024;
/** Characters that a template has beside its text and paths. */
const FRAME = 36;

/** Writes the cuts of a stream, event by event. */
export class CutWriter {
  readonly #cuts = { templates: [] as Template[], entries: '' };
  readonly #known = new Map<string, number>();
  #templateSize = 0;
  #count = 0;
  #last = -1;
  #lastAt: readonly number[] = [];

  /** A live view. */
  get cuts(): StreamCuts {
    return this.#cuts;
  }

  /** Number of entries. */
  get count(): number {
    return this.#count;
  }

  /** Characters of the cuts as JSON. */
  get size(): number {
    return this.#cuts.entries.length + this.#templateSize;
  }

  /** Adds an entry. False = the shape is new and there is no room for it. */
  add(cut: Cut): boolean {
    const known = this.#known.get(keyOf(cut)) ?? this.#learn(cut);
    if (known === null) return false;
    let entry = '';
    if (known === this.#last && isSame(cut.at, this.#lastAt)) entry += encode(SAME);
    else {
      entry += encode(known + FIRST_TEMPLATE);
      for (const index of cut.at) entry += encode(index);
    }
    for (const count of cut.counts) entry += encode(count);
    this.#last = known;
    this.#lastAt = cut.at;
    this.#append(entry);
    return true;
  }

  /** Adds an entry for an event that keeps its number and is not replayed. */
  addGap(): void {
    this.#append(encode(GAP));
  }

  #learn(cut: Cut): number | null {
    const { text, paths, indexes } = cut;
    const size = JSON.stringify(text).length + JSON.stringify(paths).length + FRAME;
    if (this.#templateSize + size > MAX_TEMPLATES) return null;
    this.#templateSize += size;
    const number = this.#cuts.templates.push({ text, paths, indexes }) - 1;
    this.#known.set(keyOf(cut), number);
    return number;
  }

  #append(entry: string): void {
    this.#cuts.entries = append(this.#cuts.entries, entry);
    this.#count += 1;
  }
}

/** The text with its marks decides the paths, for the merging has one rule for each. */
function keyOf({ text, indexes }: Cut): string {
  return `${indexes} ${text}`;
}

/** An entry as it is read. `template` null = an event that is not replayed. */
export interface Entry {
  readonly template: number | null;
  readonly at: readonly number[];
  readonly counts: readonly number[];
}

/** Reads the entries of cuts, which may still grow. */
export class CutReader {
  readonly #cuts: StreamCuts;
  #offset = 0;
  #last: { readonly template: number; readonly at: readonly number[]; readonly counts: number } | null = null;

  constructor(cuts: StreamCuts) {
    this.#cuts = cuts;
  }

  /** Null = there is no further entry yet. Throws an Error for cuts that no `CutWriter` wrote. */
  next(): Entry | null {
    if (this.#offset >= this.#cuts.entries.length) return null;
    const head = this.#number();
    if (head === GAP) return { template: null, at: [], counts: [] };
    if (head !== SAME) {
      const template = this.#cuts.templates[head - FIRST_TEMPLATE];
      if (template === undefined) throw new Error('The cuts name a template that they do not have');
      const at = this.#numbers(template.indexes);
      this.#last = { template: head - FIRST_TEMPLATE, at, counts: countsIn(template.text) };
    }
    if (this.#last === null) throw new Error('The cuts begin with a repetition');
    return { template: this.#last.template, at: this.#last.at, counts: this.#numbers(this.#last.counts) };
  }

  #numbers(length: number): number[] {
    return Array.from({ length }, () => this.#number());
  }

  #number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= BASE) {
      const character = this.#cuts.entries.charCodeAt(this.#offset);
      if (Number.isNaN(character)) throw new Error('The cuts end within an entry');
      this.#offset += 1;
      const digit = character - FIRST_CHARACTER - (character > BACKSLASH ? 1 : 0);
      if (digit < BASE) return value + digit * scale;
      value += (digit - BASE) * scale;
    }
  }
}

/** Number of counts in an entry of this template. */
function countsIn(text: string): number {
  let counts = 0;
  for (const character of text) if (character === MARK.text || character === MARK.list) counts += 1;
  return counts;
}

/** Writes base-45 digits, lowest first. Every digit but the last is shifted by 45. */
function encode(value: number): string {
  let digits = '';
  let left = value;
  for (; left >= BASE; left = Math.floor(left / BASE)) digits += character((left % BASE) + BASE);
  return digits + character(left);
}

/** A printable character that JSON does not escape. */
function character(digit: number): string {
  const code = FIRST_CHARACTER + digit;
  return String.fromCharCode(code >= BACKSLASH ? code + 1 : code);
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, position) => value === other[position]);
}
