import { MARK, type Cut, type Path } from './cuts.ts';

/** A state of an outline to which it can go back. */
export interface Checkpoint {
  readonly text: string;
  readonly paths: number;
  readonly at: number;
  readonly takes: number;
}

/** The shape of one event, written while its content is merged into the answer. */
export class Outline implements Cut {
  text = '';
  readonly paths: Path[] = [];
  readonly at: number[] = [];
  /** For each mark `text` or `list`: the length of the leaf before. */
  readonly starts: number[] = [];
  readonly counts: number[] = [];
  /** Whether the event changed the answer. */
  changes = false;
  #hasValues = false;

  /** Whether the event carries nothing but parts of leaves, so that the next one of its shape can be merged with it. */
  get isOnlyDelta(): boolean {
    return this.counts.length > 0 && !this.#hasValues;
  }

  get indexes(): number {
    return this.at.length;
  }

  /** Adds an index of the entry. Returns the step that stands for it in paths. */
  addIndex(value: number): number {
    return -this.at.push(value);
  }

  /** Marks the place where an index is written. `shown` = the number to write, if it is not the position itself. */
  markIndex(step: number, shown?: number): void {
    const isOther = shown !== undefined && shown !== this.at[-step - 1];
    this.text += isOther ? MARK.shownIndex : MARK.index;
    this.paths.push([isOther ? this.addIndex(shown) : step]);
  }

  /** Marks the place of a part of a leaf. */
  markTake(mark: typeof MARK.text | typeof MARK.list, path: Path, start: number, count: number): void {
    this.text += mark;
    this.paths.push(path);
    this.starts.push(start);
    this.counts.push(count);
    if (count > 0) this.changes = true;
  }

  /** Marks the place of a whole value. */
  markWhole(path: Path): void {
    this.#hasValues = true;
    this.markConstant(path);
  }

  /** Makes this an event that is never merged with another one. */
  seal(): void {
    this.#hasValues = true;
  }

  /** Marks the place of a whole value that does not change, such as an id. */
  markConstant(path: Path): void {
    this.text += MARK.whole;
    this.paths.push(path);
  }

  checkpoint(): Checkpoint {
    const { text, paths, at, counts } = this;
    return { text, paths: paths.length, at: at.length, takes: counts.length };
  }

  /** Forgets what was written after a checkpoint. */
  rewind({ text, paths, at, takes }: Checkpoint): void {
    this.text = text;
    this.paths.length = paths;
    this.at.length = at;
    this.starts.length = takes;
    this.counts.length = takes;
  }

  /** Adds what a later event of the same shape carried; the parts must follow each other. */
  extend({ counts }: Outline): void {
    for (const [take, count] of counts.entries()) this.counts[take] = (this.counts[take] ?? 0) + count;
  }

  /** Characters and elements in all. */
  get total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}
