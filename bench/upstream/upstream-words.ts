import { z } from 'zod';

/** Asks the upstream's process what it saw of a model. */
export const UpstreamQuestion = z.object({ ask: z.number(), model: z.string() });

/** What the upstream saw of a model's calls. */
export const UpstreamCount = z.object({
  calls: z.number(),
  /** Not answered yet, and their caller still there. */
  open: z.number(),
  mostOpen: z.number(),
  /** When the last call arrived, Unix ms; 0 = none did. */
  lastAtMs: z.number(),
});
export type UpstreamCount = z.infer<typeof UpstreamCount>;

/** What the upstream's process says. */
export const UpstreamSays = z.union([
  z.object({ port: z.number() }),
  z.object({ answer: z.number(), count: UpstreamCount }),
]);
