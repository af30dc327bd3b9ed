import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from './server-process.ts';

/** The server's life after its first start. */
export interface Supervised {
  /** Starts the server again; resolves when it answers. */
  readonly launch: () => Promise<ServerProcess>;
  /** Ends the supervision, and with it the server. */
  readonly stopping: AbortSignal;
  readonly onStarted: (server: ServerProcess) => void;
  readonly onEnded: () => void;
  readonly onFailedStart: (error: unknown) => void;
}

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 10_000;

/**
 * Keeps a server running: one that ends by itself is started again, 1 s later, then after twice as long each
 * time, up to 10 s. Resolves when `stopping` is aborted and nothing runs any more.
 */
export async function supervise(first: ServerProcess, parts: Supervised): Promise<void> {
  const { launch, stopping, onStarted, onEnded, onFailedStart } = parts;
  const asked = new Promise<void>((resolve) => {
    if (stopping.aborted) resolve();
    stopping.addEventListener('abort', () => resolve(), { once: true });
  });
  let server: ServerProcess | null = first;
  let delayMs = FIRST_DELAY_MS;
  for (;;) {
    if (server !== null) {
      await Promise.race([server.ended, asked]);
      if (!stopping.aborted) onEnded();
      await server.stop().catch(onFailedStart);
    }
    await sleep(delayMs, undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return;
    server = await launch().catch((error: unknown) => {
      if (!stopping.aborted) onFailedStart(error);
      return null;
    });
    delayMs = server === null ? Math.min(delayMs * 2, LONGEST_DELAY_MS) : FIRST_DELAY_MS;
    if (server !== null) onStarted(server);
  }
}
