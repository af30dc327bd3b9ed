import { chunkEvent } from './chat-events.ts';
import { CutReader, MARK, type Entry, type StreamCuts } from './cuts.ts';
import { compile, fill, type CompiledTemplate } from './fill.ts';
import { responseEvent } from './response-events.ts';
import { sequenceNumber, type StreamedOperation, type StreamEvent } from './stream-event.ts';
import { unstreamedEvents } from './unstreamed.ts';

/** Builds the events that were forwarded of an attempt again, one by one. */
export interface Replay {
  /** The next event before the end of the stream; null = as far as the answer has come. */
  next(): StreamEvent | null;
  /** Ordinal of the next event. An event that is not replayed leaves a gap, which `next` steps over. */
  readonly position: number;
  /** After `next` gave null: the ordinal that follows the last event, also if the caller wants none before a later one. */
  readonly end: number;
  /** Passes over the next event, because the caller has it. Takes constant time. */
  skip(): void;
}

/** What a replay is built from. All of it may still grow. */
export interface ReplaySource {
  readonly answer: Readonly<Record<string, unknown>>;
  /** Null = the request was not streamed: each text is one event. */
  readonly cuts: StreamCuts | null;
  /** The attempt's number in the attempt log, from 1. */
  readonly attempt: number;
}

/** @param from ordinal of the first event that the caller wants */
export function createReplay(operation: StreamedOperation, source: ReplaySource, from = 0): Replay {
  const { answer, cuts, attempt } = source;
  const read =
    cuts === null
      ? fromList(unstreamedEvents(operation, answer, attempt))
      : fromCuts(operation, answer, cuts, attempt);
  let position = 0;
  let unread = from;

  return {
    next() {
      for (; unread > 0; unread -= 1) {
        if (read(position, false) === 'end') return null;
        position += 1;
      }
      for (;;) {
        const event = read(position, true);
        if (event === 'end') return null;
        position += 1;
        if (event !== 'gap') return event;
      }
    },
    get position() {
      return position + unread;
    },
    get end() {
      return position;
    },
    skip() {
      unread += 1;
    },
  };
}

/** Reads the event at an ordinal; ordinals come one after the other. `builds` false = the event is not needed. */
type Read = (ordinal: number, builds: boolean) => StreamEvent | 'gap' | 'end';

function fromList(events: readonly StreamEvent[]): Read {
  return (ordinal) => events[ordinal] ?? 'end';
}

function fromCuts(
  operation: StreamedOperation,
  answer: Readonly<Record<string, unknown>>,
  cuts: StreamCuts,
  attempt: number,
): Read {
  const reader = new CutReader(cuts);
  const cursors = new Cursors();
  const compiled: CompiledTemplate[] = [];
  const templateAt = (number: number): CompiledTemplate => {
    const template = cuts.templates[number];
    if (template === undefined) throw new Error('The cuts name a template that they do not have');
    return (compiled[number] ??= compile(template));
  };

  return (ordinal, builds) => {
    const entry = reader.next();
    if (entry === null) return 'end';
    if (entry.template === null) return 'gap';
    const template = templateAt(entry.template);
    const starts = cursors.advance(template, entry);
    if (!builds) return 'gap';
    const json = fill(template, { ...entry, starts }, answer);
    if (json === null) return 'gap';
    return operation === 'responses'
      ? responseEvent(json, sequenceNumber(attempt, ordinal))
      : chunkEvent(operation, answer, json);
  };
}

/** How far each leaf of the answer has been replayed. */
class Cursors {
  readonly #cursors = new Map<string, number>();
  #last: Pick<Entry, 'template' | 'at'> = { template: null, at: [] };
  #keys: readonly string[] = [];

  /** Returns where the parts of an event begin, and moves on to their ends. */
  advance({ marks, paths }: CompiledTemplate, { template, at, counts }: Entry): number[] {
    if (template !== this.#last.template || at !== this.#last.at) {
      this.#keys = keysOf(marks, paths, at);
      this.#last = { template, at };
    }
    return this.#keys.map((key, take) => {
      const start = this.#cursors.get(key) ?? this.#first(key);
      this.#cursors.set(key, start + (counts[take] ?? 0));
      return start;
    });
  }

  /** A list begins after the text that became its first part. */
  #first(key: string): number {
    if (!key.startsWith(MARK.list)) return 0;
    return (this.#cursors.get(MARK.text + key.slice(1)) ?? 0) > 0 ? 1 : 0;
  }
}

/** A name for each leaf that an event carries a part of. */
function keysOf(
  marks: CompiledTemplate['marks'],
  paths: CompiledTemplate['paths'],
  at: readonly number[],
): string[] {
  const keys: string[] = [];
  for (const [place, mark] of marks.entries()) {
    if (mark !== MARK.text && mark !== MARK.list) continue;
    const steps = (paths[place] ?? []).map((step) =>
      typeof step === 'number' && step < 0 ? at[-step - 1] : step,
    );
    keys.push(mark + JSON.stringify(steps));
  }
  return keys;
}
