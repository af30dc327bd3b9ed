import { z } from 'zod';
import { UpstreamEvent } from './journal.ts';

/** Kill these at the next such event of a call that runs; `caller` null = any process's call. */
export const KillOrder = z.object({
  at: z.enum(['received', 'answered']),
  caller: z.string().nullable(),
  kill: z.array(z.object({ pid: z.number(), signal: z.enum(['SIGKILL', 'SIGSTOP', 'SIGTERM']) })),
});
export type KillOrder = z.infer<typeof KillOrder>;

/** What the upstream's process says to the one that started it. */
export const UpstreamSays = z.union([z.object({ port: z.number() }), z.object({ killedAt: UpstreamEvent })]);
export type UpstreamSays = z.infer<typeof UpstreamSays>;
