import type { FastifyReply } from 'fastify';

/** Aborted when the caller has gone or the process is stopping. It ends a wait, never a request. */
export function untilCallerLeaves(reply: FastifyReply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return AbortSignal.any([gone.signal, stopping]);
}
