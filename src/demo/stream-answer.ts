import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { finalEvents } from '../domain/streams/final-events.ts';
import type { StreamedOperation } from '../domain/streams/stream-event.ts';
import { unstreamedEvents } from '../domain/streams/unstreamed.ts';

/** The pause after a word by default: as fast as a reader follows. */
const WORD_MS = 30;

export interface AnswerStream {
  readonly operation: StreamedOperation;
  readonly answer: Readonly<Record<string, unknown>>;
  /** Whether the caller asked for the usage. */
  readonly usage: boolean;
  /** Number of words after which the connection breaks. Null = the stream comes to its end. */
  readonly breakAfterWords: number | null;
  /** The pause after each word. Default 30. */
  readonly wordMs?: number | undefined;
}

/** Sends an answer as OpenAI's events, word by word. Resolves at its end, or when the caller has left. */
export async function sendAnswerStream(response: ServerResponse, stream: AnswerStream): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let wordsLeft = stream.breakAfterWords ?? Infinity;
  for (const { text, isWord } of eventsOf(stream)) {
    if (response.destroyed) return;
    if (isWord && wordsLeft === 0) return void response.socket?.resetAndDestroy();
    if (isWord) wordsLeft -= 1;
    response.write(text);
    if (isWord) await sleep(stream.wordMs ?? WORD_MS);
  }
  response.end();
}

interface DemoEvent {
  readonly text: string;
  /** Whether it is a word of the answer. */
  readonly isWord: boolean;
}

function eventsOf({ operation, answer, usage }: AnswerStream): DemoEvent[] {
  const end = finalEvents(operation, { answer }, { attempt: 1, at: 0, usage });
  const sent = [...unstreamedEvents(operation, answer, 1).flatMap(splitEvent), ...end.map(whole)];
  return sent.map(({ event, data, isWord }, number) => {
    const numbered = data.replace(/"sequence_number":\d+/, `"sequence_number":${number}`);
    return { text: `${event === null ? '' : `event: ${event}\n`}data: ${numbered}\n\n`, isWord };
  });
}

interface Part {
  readonly event: string | null;
  readonly data: string;
  readonly isWord: boolean;
}

const whole = ({ event, data }: Omit<Part, 'isWord'>): Part => ({ event, data, isWord: false });

/** The members that hold the text of an event, by where they stand in its JSON. */
const TEXT = /"(?:content|text|delta)":("(?:[^"\\]|\\.)+")/;

/** One event for each word of its text. An event without a text stays whole. */
function splitEvent({ event, data }: Omit<Part, 'isWord'>): Part[] {
  const found = isDelta(event) ? TEXT.exec(data)?.[1] : undefined;
  if (found === undefined) return [whole({ event, data })];
  const words = String(JSON.parse(found)).match(/\S+\s*/g) ?? [];
  return words.map((word) => ({
    event,
    data: data.replace(found, () => JSON.stringify(word)),
    isWord: true,
  }));
}

/** Chunks have no name, and each may hold a text. */
const isDelta = (event: string | null): boolean => event === null || event.endsWith('.delta');
