import type { Server, ServerResponse } from 'node:http';

/** How often it is looked in the time that a caller has; it ends a fifth later at the latest. */
const LOOKS = 5;

/**
 * Ends connections whose caller does not take its answer, which is kept in memory until then. Who is held by a
 * wait has no answer yet, and all the time of the wait.
 */
export function endUntakenAnswers(server: Server, timeoutMs: number): void {
  /** How often each was seen since its answer was there. */
  const seen = new Map<ServerResponse, number>();
  server.on('request', (_request, response) => {
    seen.set(response, 0);
    response.once('close', () => void seen.delete(response));
  });
  const timer = setInterval(() => {
    for (const [response, times] of seen) {
      if (!response.writableEnded) continue;
      if (times < LOOKS) seen.set(response, times + 1);
      else response.socket?.destroy();
    }
  }, timeoutMs / LOOKS).unref();
  server.once('close', () => clearInterval(timer));
}
