import { z } from 'zod';

/** Asks the upstream's process for its counts of a model. */
export const UpstreamQuestion = z.object({ ask: z.number(), model: z.string() });

/** The upstream's counts of a model's calls. */
export const UpstreamCount = z.object({
  calls: z.number(),
  /** Calls that are not answered yet and whose caller is still connected. */
  open: z.number(),
  mostOpen: z.number(),
  /** When the last call arrived, Unix ms. 0 = no call arrived. */
  lastAtMs: z.number(),
});
export type UpstreamCount = z.infer<typeof UpstreamCount>;

/** Messages from the upstream's process. */
export const UpstreamSays = z.union([
  z.object({ port: z.number() }),
  z.object({ answer: z.number(), count: UpstreamCount }),
]);
