import { z } from 'zod';
import { textOf } from './read-stream.ts';

/** One connection of a caller to a stream, as it saw it. */
export interface SeenConnection {
  readonly key: string;
  readonly kind: 'chat' | 'response';
  readonly events: readonly unknown[];
}

const Numbered = z.looseObject({ type: z.string(), sequence_number: z.number() });
const Delta = z.looseObject({ type: z.literal('response.output_text.delta'), delta: z.string() });
const Finished = z.looseObject({ type: z.enum(['response.completed', 'response.incomplete']) });
const Failed = z.looseObject({ error: z.looseObject({ code: z.string(), terminal: z.boolean() }) });

/** Whether the stream says that its answer is whole. */
export function isFinished({ events }: Pick<SeenConnection, 'events'>): boolean {
  const last = events.at(-1);
  return last === '[DONE]' || Finished.safeParse(last).success;
}

/** The error with which the stream ended. Null = it ended otherwise. */
export function errorOfStream({ events }: Pick<SeenConnection, 'events'>): string | null {
  return Failed.safeParse(events.at(-1)).data?.error.code ?? null;
}

export function textSeen({ kind, events }: Pick<SeenConnection, 'kind' | 'events'>): string {
  if (kind === 'chat') return textOf(events);
  return events.flatMap((event) => Delta.safeParse(event).data?.delta ?? []).join('');
}

/**
 * The faults of all that was seen, in words. The upstream's n-th call of a key streams the words `n.0 n.1 n.2 ...`, so
 * that each word says which attempt it is of, and at which place.
 *
 * @param resultOf the text of the stored result of a key. Null = it is not stored
 */
export function faultsOfStreams(
  connections: readonly SeenConnection[],
  resultOf: (key: string) => string | null,
): string[] {
  const faults: string[] = [];
  const numbers = new Map<string, string>();
  for (const one of connections) {
    const text = textSeen(one);
    const words = text.split(' ').filter((word) => word !== '');
    const [call] = words[0]?.split('.') ?? [];
    // The last word may have come in part only where the text is cut within words, which it is not here.
    words.forEach((word, index) => {
      if (word !== `${call}.${index}`) faults.push(`${one.key}: ${word} at place ${index} of call ${call}`);
    });
    if (isFinished(one) && text !== resultOf(one.key)) {
      faults.push(`${one.key}: a finished stream has another text than the result, ${resultOf(one.key)}`);
    }
    for (const event of one.kind === 'response' ? one.events : []) {
      const numbered = Numbered.safeParse(event).data;
      if (numbered === undefined) continue;
      const name = `${one.key} ${numbered.sequence_number}`;
      const meaning = numbered.type === 'error' ? numbered.type : JSON.stringify(numbered);
      if ((numbers.get(name) ?? meaning) !== meaning) faults.push(`${name}: the number has two meanings`);
      numbers.set(name, meaning);
    }
  }
  return faults;
}
