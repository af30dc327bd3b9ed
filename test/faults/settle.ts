import { z } from 'zod';
import { until } from '../support/until.ts';
import type { ObservingClient } from './client.ts';

const Seen = z.object({ terminal: z.boolean() });
/** Within it, everything that was accepted must be terminal. */
const QUIET_MS = 120_000;
/** Reads at once. */
const READERS = 8;

/** The end of a run: what was read last, and when that began, by the clients' clock. */
export interface Settled {
  readonly quietAtMs: number;
  readonly read: ReadonlySet<string>;
}

/**
 * Waits, with no fault and no load, until every request is terminal or unknown, then reads each once more
 * through every API process. What is not terminal by then is left for the checker to name.
 *
 * @param ids of all requests; more may turn up while they are waited for
 */
export async function settle(
  client: ObservingClient,
  ids: () => Promise<ReadonlySet<string>>,
  urls: readonly string[],
): Promise<Settled> {
  const ended = new Set<string>();
  const readOpen = async (): Promise<number> => {
    const open = [...(await ids())].filter((id) => !ended.has(id));
    await each(open, async (id) => {
      const { status, text } = await client.call({ url: urls[0] ?? '', operation: 'get', key: id });
      if (status === 404 || (status === 200 && Seen.parse(JSON.parse(text)).terminal)) ended.add(id);
    });
    return open.length;
  };
  await until(readOpen, (open) => open === 0, QUIET_MS).catch(() => undefined);
  const read = await ids();
  const quietAtMs = performance.now();
  for (const url of urls) {
    await each([...read], async (id) => void (await client.call({ url, operation: 'get', key: id })));
  }
  return { quietAtMs, read };
}

async function each(ids: readonly string[], read: (id: string) => Promise<void>): Promise<void> {
  const left = [...ids];
  const reader = async (): Promise<void> => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) await read(id);
  };
  await Promise.all(Array.from({ length: READERS }, reader));
}
