import type { ServerResponse } from 'node:http';
import type { App, SlowReaderLimits } from '../app-types.ts';

/** How often it is looked in the time that a caller has; it ends a fifth later at the latest. */
const LOOKS = 5;

/**
 * Ends connections whose caller does not take its answer, which is kept in memory until then: after a time, and
 * before it where there are too many bytes of them, those that have lain longest first, so that nobody else is
 * refused for it. Who is held by a wait has no answer yet, and all the time of the wait.
 */
export function dropSlowReaders(app: App, { timeoutMs, maxBytes }: SlowReaderLimits): void {
  /** In the order in which they were there. */
  const untaken = new Map<ServerResponse, { readonly bytes: number; looks: number }>();
  let untakenBytes = 0;
  const forget = (response: ServerResponse): void => {
    untakenBytes -= untaken.get(response)?.bytes ?? 0;
    untaken.delete(response);
  };
  const end = (response: ServerResponse): void => {
    forget(response);
    response.socket?.destroy();
  };
  let isChecking = false;
  const endOldest = (): void => {
    isChecking = false;
    for (const [response] of untaken) {
      if (untakenBytes <= maxBytes) return;
      end(response);
    }
  };
  app.addHook<unknown>('onSend', (_request, { raw }, payload, done) => {
    const bytes =
      typeof payload === 'string' || payload instanceof Uint8Array ? Buffer.byteLength(payload) : 0;
    if (!raw.destroyed) {
      untaken.set(raw, { bytes, looks: 0 });
      untakenBytes += bytes;
      raw.once('close', () => forget(raw));
    }
    // Not at once: of a crowd that is answered in one turn, most have taken theirs by its end.
    if (untakenBytes > maxBytes && !isChecking) {
      isChecking = true;
      setImmediate(endOldest);
    }
    done(null, payload);
  });
  const timer = setInterval(() => {
    for (const [response, answer] of untaken) {
      answer.looks += 1;
      if (answer.looks > LOOKS) end(response);
    }
  }, timeoutMs / LOOKS).unref();
  app.addHook('onClose', async () => clearInterval(timer));
}
