import {
  attemptComment,
  DONE,
  ofSequenceNumber,
  type StreamedOperation,
} from '../domain/streams/stream-event.ts';

/** What an event means for its caller. A block is the text of one event or comment, without the empty line after it. */
export type BlockMeaning =
  /** The caller gets it. */
  | 'new'
  /** The caller has it, or needs it not. */
  | 'known'
  /** The caller gets it, and nothing comes after it. */
  | 'last'
  /** This stream has ended, and the request goes on. */
  | 'interrupted'
  /** It belongs to another attempt than what the caller has, which is void. */
  | 'superseded';

/** What a caller has of a stream, over all its connections. */
export interface StreamPlace {
  /** Begins to read a connection, which shows its attempt from the first event. */
  join(): void;
  read(block: string): BlockMeaning;
}

/** The place of an event: its attempt, and its position among the events of that attempt. Null = it is none. */
type Locate = (block: string) => { readonly attempt: number | null; readonly ordinal: number } | null;

/** Begins where the caller has nothing. */
export function createStreamPlace(operation: StreamedOperation): StreamPlace {
  const [createLocate, isLast] =
    operation === 'responses'
      ? ([locateNumbered, isLastOfResponse] as const)
      : ([locateCounted, isLastOfChunks] as const);
  let locate = createLocate();
  let attempt: number | null = null;
  /** Position of the first event that the caller does not have. */
  let next = 0;

  return {
    join() {
      locate = createLocate();
    },
    read(block) {
      const error = errorIn(block);
      if (error !== null) return isInterruption(error) ? 'interrupted' : 'last';
      const place = locate(block);
      if (place === null) return 'known';
      if (next > 0 && place.attempt !== attempt) return 'superseded';
      if (next > 0 && place.ordinal < next) return 'known';
      attempt = place.attempt;
      next = place.ordinal + 1;
      return isLast(block) ? 'last' : 'new';
    },
  };
}

/** Chunks are counted, because a stream that is joined again is cut at the same places. */
function locateCounted(): Locate {
  let attempt: number | null = null;
  let count = 0;
  return (block) => {
    if (block.startsWith(':')) {
      attempt = attemptIn(block) ?? attempt;
      return null;
    }
    count += 1;
    return { attempt, ordinal: count - 1 };
  };
}

/** The events of a Response are numbered. */
function locateNumbered(): Locate {
  return (block) => {
    const event = dataOf(block);
    const number = isObject(event) ? event['sequence_number'] : undefined;
    return typeof number === 'number' ? ofSequenceNumber(number) : null;
  };
}

const ATTEMPT = new RegExp(
  `^${attemptComment(0)
    .trimEnd()
    .replace('0', String.raw`(\d+)`)}$`,
);

function attemptIn(comment: string): number | null {
  const number = ATTEMPT.exec(comment)?.[1];
  return number === undefined ? null : Number(number);
}

const isLastOfChunks = (block: string): boolean => block === `data: ${DONE}`;
const isLastOfResponse = (block: string): boolean =>
  /^event: response\.(?:completed|incomplete|failed)\n/.test(block);

/** The error object of an event that ends a stream with an error. Null for any other event. */
function errorIn(block: string): Readonly<Record<string, unknown>> | null {
  if (!block.startsWith('data: {"error":') && !block.startsWith('event: error\n')) return null;
  const event = dataOf(block);
  const error = isObject(event) ? event['error'] : null;
  if (isObject(error)) return error;
  // Some upstreams send a chunk's `error` as null, false or empty text.
  return block.startsWith('data: ') ? null : {};
}

function isInterruption({ code, terminal }: Readonly<Record<string, unknown>>): boolean {
  return code === 'stream_interrupted' && terminal === false;
}

function dataOf(block: string): unknown {
  const lines = block.split('\n').filter((line) => line.startsWith('data: '));
  try {
    return JSON.parse(lines.map((line) => line.slice('data: '.length)).join('\n'));
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
