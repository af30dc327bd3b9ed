import { z } from 'zod';

const common = { model: z.string(), promptBytes: z.number() };

/** A load on one system: what is called, how often, how long. Crosses process boundaries as JSON. */
export const Load = z.discriminatedUnion('kind', [
  /** `concurrency` callers, each with its next call as soon as the last one is answered. */
  z.object({ kind: z.literal('closed'), ...common, concurrency: z.number(), forMs: z.number() }),
  /** Calls that come by a Poisson process, whether or not the ones before are answered. */
  z.object({
    kind: z.literal('open'),
    ...common,
    perSecond: z.number(),
    forMs: z.number(),
    seed: z.number(),
  }),
  /** `count` calls, evenly spaced, of which none needs to end. */
  z.object({ kind: z.literal('paced'), ...common, perSecond: z.number(), count: z.number() }),
]);
export type Load = z.infer<typeof Load>;

/** What became of a load. */
export const LoadResult = z.object({
  /** Of each answered call, in the order of the answers; in an open loop from the time it was due. */
  latenciesMs: z.array(z.number()),
  errors: z.number(),
  /** The first of them, for a person. */
  firstError: z.string().nullable(),
  /** Calls answered a second, from the first call to the last answer: none of the work is left out. */
  perSecond: z.number(),
});
export type LoadResult = z.infer<typeof LoadResult>;

/** One call of a system. Rejects where it got no completion. */
export type Call = (body: Buffer) => Promise<void>;

/** The size of the prompt of every load unless it says otherwise, bytes. */
export const PROMPT_BYTES = 1_024;

const SENTENCE = 'Classify the ticket: the customer was charged twice and asks for one of the amounts back. ';

/** A chat completion's body of a given size. The model's name tells the scripted upstream what to do. */
export function promptOf(model: string, bytes: number = PROMPT_BYTES): Buffer {
  const bodyOf = (content: string): string =>
    JSON.stringify({
      model,
      messages: [
        { role: 'system', content: 'Answer with one word: billing, technical or other.' },
        { role: 'user', content },
      ],
      temperature: 0,
      max_completion_tokens: 16,
    });
  const missing = Math.max(0, bytes - bodyOf('').length);
  return Buffer.from(bodyOf(SENTENCE.repeat(Math.ceil(missing / SENTENCE.length)).slice(0, missing)));
}
