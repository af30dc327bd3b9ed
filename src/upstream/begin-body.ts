import { isSuccess } from './classify.ts';
import { cap } from './response-body.ts';
import { isEventStream } from './transport.ts';

/** The body of an answer, and what it is read as. */
export interface BegunBody {
  /** Whether it is an event stream. */
  readonly isStream: boolean;
  /** From its first byte. It can be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

const JSON_TYPE = /^\s*application\/(?:[^;\s]+\+)?json\b/i;
/** What JSON and pages begin with, and no event stream does. */
const WHOLE = /^[{[<]/;
/** The first field of an event, or a comment. */
const EVENTS = /^(?:data|event|id|retry)?:/;
const LONGEST_FIELD = 'event:'.length;

/**
 * Reads the first characters of the answer to a streamed call. They decide what it is, because the official clients read
 * events under any content type, and some servers send an error as JSON under that of events. What is called JSON is
 * taken for JSON.
 *
 * @param maxWholeBytes limit for an answer that is no stream
 */
export async function beginBody(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  body: AsyncIterable<Uint8Array>,
  maxWholeBytes: number,
): Promise<BegunBody> {
  const type = headers.get('content-type') ?? '';
  const whole = (chunks: AsyncIterable<Uint8Array>): BegunBody => ({
    isStream: false,
    chunks: cap(chunks, maxWholeBytes),
  });
  if (!isSuccess(status) || JSON_TYPE.test(type)) return whole(body);
  const isNamed = isEventStream(type);
  const chunks = body[Symbol.asyncIterator]();
  const decoder = new TextDecoder();
  const begun: Uint8Array[] = [];
  let text = '';
  while (text.length < (isNamed ? 1 : LONGEST_FIELD)) {
    const next = await chunks.next();
    if (next.done === true) break;
    begun.push(next.value);
    text = (text + decoder.decode(next.value, { stream: true })).trimStart();
  }
  const rest: AsyncIterator<Uint8Array> = {
    next: async () => {
      const value = begun.shift();
      return value === undefined ? chunks.next() : { done: false, value };
    },
    return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
  };
  const all = { [Symbol.asyncIterator]: () => rest };
  const isStream = isNamed ? !WHOLE.test(text) : EVENTS.test(text);
  return isStream ? { isStream, chunks: all } : whole(all);
}
