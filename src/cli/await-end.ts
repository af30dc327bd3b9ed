import { APIError } from 'openai';
import { setTimeout as sleep } from 'node:timers/promises';
import { RequestRecord } from '../domain/record.ts';
import { type Api, type Document, TRIES } from './api.ts';

/** A record with the text that it was read from. */
export interface ReadRecord {
  readonly record: RequestRecord;
  readonly document: Document;
}

export interface AwaitOptions {
  /** Null = until the request ends. */
  readonly timeoutMs: number | null;
  /** Longest time that the service holds one answer. A short one shows progress sooner. */
  readonly holdSeconds: number;
  /** Called with each record that is read. */
  readonly onRecord: (record: RequestRecord) => void;
  /** Ends the wait, not the request. */
  readonly signal?: AbortSignal;
}

/** How long a service that has answered before may be silent. */
const SILENT_MS = 60_000;
const AFTER_FAULT_MS = 1_000;

/**
 * Reads a record.
 *
 * @throws APIError; Error if this version cannot read it
 */
export async function readRecord(api: Api, id: string): Promise<ReadRecord> {
  return parse(await api.read(id, 0, TRIES));
}

/**
 * Reads a record until it is terminal or the time is over, and returns the last one. A service that is away
 * for less than 60 s does not end the wait.
 *
 * @throws APIError if the service refuses the call, cannot be reached at first, or is away for longer
 */
export async function awaitEnd(api: Api, id: string, options: AwaitOptions): Promise<ReadRecord> {
  const { timeoutMs, holdSeconds, onRecord, signal } = options;
  const untilMs = timeoutMs === null ? Infinity : Date.now() + timeoutMs;
  let last = parse(await api.read(id, 0, TRIES, signal));
  let answeredMs = Date.now();
  for (;;) {
    onRecord(last.record);
    const leftMs = untilMs - Date.now();
    if (last.record.terminal || leftMs <= 0) return last;
    const hold = Math.max(1, Math.min(holdSeconds, Math.ceil(leftMs / 1000)));
    const next = await api.read(id, hold, 0, signal).catch((error: unknown) => {
      if (signal?.aborted !== true && passes(error) && Date.now() - answeredMs < SILENT_MS) return null;
      throw error;
    });
    if (next === null) {
      await sleep(Math.min(AFTER_FAULT_MS, Math.max(0, untilMs - Date.now())), undefined, { signal });
      continue;
    }
    last = parse(next);
    answeredMs = Date.now();
  }
}

/** Whether a fault may pass by itself. An error without a status means that no answer came. */
function passes(error: unknown): boolean {
  const status = error instanceof APIError ? (error.status ?? 503) : 0;
  return status === 408 || status === 429 || status >= 500;
}

function parse(document: Document): ReadRecord {
  const read = RequestRecord.safeParse(JSON.parse(document.text));
  if (read.success) return { record: read.data, document };
  throw new Error(
    'The record has fields that this version of reqrun does not know: read it with `reqrun requests get --json`.',
  );
}
