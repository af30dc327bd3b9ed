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
