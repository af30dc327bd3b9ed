import { z } from 'zod';
import { until } from '../support/until.ts';
import type { ObservingClient } from './client.ts';

const Seen = z.object({ terminal: z.boolean() });
/** Within it, everything that was accepted must be terminal. */
const QUIET_MS = 120_000;
/** Reads at once. */
const READERS = 8;

/**
 * Waits, with no fault and no load, until every request is terminal or unknown, then reads each once more
 * through every API process. What is not terminal by then is left for the checker to name.
 *
 * @returns when that last reading began, by the clients' clock
 */
export async function settle(
  client: ObservingClient,
  ids: readonly string[],
  urls: readonly string[],
): Promise<number> {
  const open = new Set(ids);
  const readOpen = async (): Promise<number> => {
    await each([...open], async (id) => {
      const { status, text } = await client.call({ url: urls[0] ?? '', operation: 'get', key: id });
      if (status === 404 || (status === 200 && Seen.parse(JSON.parse(text)).terminal)) open.delete(id);
    });
    return open.size;
  };
  await until(readOpen, (left) => left === 0, QUIET_MS).catch(() => undefined);
  const quietAtMs = performance.now();
  for (const url of urls) {
    await each(ids, async (id) => void (await client.call({ url, operation: 'get', key: id })));
  }
  return quietAtMs;
}

async function each(ids: readonly string[], read: (id: string) => Promise<void>): Promise<void> {
  const left = [...ids];
  const reader = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) await read(id);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
}
