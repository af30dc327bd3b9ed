import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { SeenCall } from '../history/history.ts';

/** One line of the upstream's journal. `left`: the caller was gone before the answer was out. */
export const UpstreamEvent = z.object({
  event: z.enum(['received', 'answered', 'left']),
  seq: z.number(),
  id: z.string(),
  attempt: z.number(),
  model: z.string(),
  /** Which process called: its API key. */
  caller: z.string(),
  ran: z.boolean(),
  /** Unix ms. */
  atMs: z.number(),
});
export type UpstreamEvent = z.infer<typeof UpstreamEvent>;

export interface JournalWriter {
  /** On disk when it returns. */
  append(event: UpstreamEvent): void;
  close(): void;
}

export function openJournal(path: string): JournalWriter {
  const file = openSync(path, 'a');
  return {
    append: (event) => {
      writeSync(file, `${JSON.stringify(event)}\n`);
      fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}

export async function readJournal(path: string): Promise<UpstreamEvent[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => UpstreamEvent.parse(JSON.parse(line)));
}

/** The calls of a journal, as the history checker takes them. */
export function toCalls(journal: readonly UpstreamEvent[]): SeenCall[] {
  return journal
    .filter(({ event }) => event === 'received')
    .map(({ id, attempt, seq, model, ran }) => ({ id, attempt, seq, model, ran }));
}
