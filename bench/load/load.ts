import { z } from 'zod';

const common = { model: z.string(), promptBytes: z.number() };

/** A load on one system: the calls, their number and their rate. Crosses process boundaries as JSON. */
export const Load = z.discriminatedUnion('kind', [
  /** Closed loop: `concurrency` callers. Each makes its next call as soon as the last one is answered. */
  z.object({ kind: z.literal('closed'), ...common, concurrency: z.number(), forMs: z.number() }),
  /** Open loop: calls arrive as a Poisson process, whether or not earlier ones are answered. */
  z.object({
    kind: z.literal('open'),
    ...common,
    perSecond: z.number(),
    forMs: z.number(),
    seed: z.number(),
  }),
  /** `count` calls, evenly spaced. Later calls do not wait for earlier ones. */
  z.object({ kind: z.literal('paced'), ...common, perSecond: z.number(), count: z.number() }),
]);
export type Load = z.infer<typeof Load>;

/** The result of a load. */
export const LoadResult = z.object({
  /**
   * Latency of each answered call, in the order of the answers. In an open loop it counts from the time the
   * call was due.
   */
  latenciesMs: z.array(z.number()),
  errors: z.number(),
  /** The first error, as text for a person. */
  firstError: z.string().nullable(),
  /** Answered calls per second, from the first call to the last answer. No work is left out. */
  perSecond: z.number(),
});
export type LoadResult = z.infer<typeof LoadResult>;

/** Makes one call of a system. Rejects if it gets no completion. */
export type Call = (body: Buffer) => Promise<void>;

/** Default size of a load's prompt, bytes. */
export const PROMPT_BYTES = 1_024;

const SENTENCE = 'Classify the ticket: the customer was charged twice and asks for one of the amounts back. ';

/**
 * Builds a chat completion's body of a given size. The model's name controls what the scripted upstream does.
 */
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
