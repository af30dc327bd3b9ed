import { z } from 'zod';

const Bucket = z.object({
  perMinute: z.number(),
  capacity: z.number().exactOptional(),
  initial: z.number().exactOptional(),
  debt: z.number().exactOptional(),
});

/** The settings of `limit` of the limited upstream, as they cross to its process. */
export const Limits = z.object({
  requests: Bucket.nullable().exactOptional(),
  tokens: Bucket.nullable().exactOptional(),
  refusedCallsCount: z.boolean().exactOptional(),
  headers: z.enum(['bucket', 'minute', 'none']).exactOptional(),
  callMs: z.number().exactOptional(),
});

/** Messages to the process of the limited upstream. Each is answered with its `ask`. */
export const LimitedQuestion = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('limit'), ask: z.number(), model: z.string(), limits: Limits }),
  z.object({ kind: z.literal('counts'), ask: z.number(), model: z.string() }),
  z.object({ kind: z.literal('calls'), ask: z.number(), model: z.string() }),
]);

const Counts = z.object({
  received: z.number(),
  answered: z.number(),
  refused: z.number(),
  open: z.number(),
  mostOpen: z.number(),
  abandoned: z.number(),
  firstAtMs: z.number(),
  lastAtMs: z.number(),
  lastAnsweredAtMs: z.number(),
});
const Calls = z.array(z.object({ atMs: z.number(), refused: z.boolean(), user: z.string().nullable() }));

/** Messages from the process of the limited upstream. */
export const LimitedSays = z.union([
  z.object({ url: z.string() }),
  z.object({ answer: z.number(), counts: Counts, calls: Calls.nullable() }),
]);
export type LimitedAnswer = Extract<z.infer<typeof LimitedSays>, { answer: number }>;
