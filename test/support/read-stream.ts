import { z } from 'zod';

/** What a caller saw of a stream. */
export interface SeenStream {
  readonly status: number;
  readonly headers: Headers;
  /** The data of each event, parsed; `[DONE]` as text. */
  readonly events: readonly unknown[];
  /** The comments. */
  readonly comments: number;
}

/** A stream that is being read. */
export interface OpenStream {
  readonly status: number;
  readonly headers: Headers;
  /** Reads until this many events have come. Resolves to all so far. */
  until(count: number): Promise<readonly unknown[]>;
  /** Reads to the end, and hands each event on as it comes. Rejects if the connection breaks. */
  each(take: (event: unknown) => void): Promise<void>;
  /** Reads to the end. */
  rest(): Promise<SeenStream>;
  /** Leaves. */
  leave(): Promise<void>;
}

/** Asks for a stream, and reads it event by event. */
export async function openStream(url: string, path: string, body: object | null): Promise<OpenStream> {
  const answer = await fetch(
    url + path,
    body === null
      ? {}
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ stream: true, ...body }),
        },
  );
  const { status, headers } = answer;
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) throw new Error('no body');
  const events: unknown[] = [];
  let comments = 0;
  let text = '';
  async function more(): Promise<boolean> {
    const { done, value = '' } = (await reader?.read()) ?? { done: true };
    text += value;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      if (block.startsWith(':')) comments += 1;
      else events.push(dataOf(block));
    }
    return !done;
  }
  return {
    status,
    headers,
    until: async (count) => {
      while (events.length < count)
        if (!(await more())) throw new Error(`ended after ${events.length} events`);
      return events;
    },
    each: async (take) => {
      let given = 0;
      for (let goesOn = true; goesOn;) {
        goesOn = await more();
        for (; given < events.length; given += 1) take(events[given]);
      }
    },
    rest: async () => {
      while (await more());
      if (status !== 200) events.push(JSON.parse(text));
      return { status, headers, events, comments };
    },
    leave: async () => reader.cancel(),
  };
}

function dataOf(block: string): unknown {
  const data = block
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => line.slice(6))
    .join('\n');
  return data === '[DONE]' ? data : JSON.parse(data);
}

const Chunk = z.looseObject({
  choices: z.array(z.looseObject({ delta: z.looseObject({ content: z.string().nullish() }) })),
});

/** The text of all chunks. */
export function textOf(events: readonly unknown[]): string {
  return events
    .map((one) => Chunk.safeParse(one))
    .flatMap(({ data }) => data?.choices[0]?.delta.content ?? [])
    .join('');
}
