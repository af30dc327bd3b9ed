import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { HttpCaller } from './http-call.ts';

/** The members of a record that the benchmark reads. They are the same in all versions of the product. */
const BenchRecord = z.object({
  status: z.string(),
  terminal: z.boolean(),
  attempts: z.number(),
  unknown_attempts: z.number(),
  completed_at: z.iso.datetime().nullable(),
});
export type BenchRecord = z.infer<typeof BenchRecord>;

const COME_BACK_MS = 1_000;

/**
 * Behaves as a caller that follows the contract: on a 503 it sends the POST again with the key, on a 202 it
 * reads the record.
 *
 * @param onTurnedAway called for each 503
 * @throws Error with the answer if the request does not complete
 */
export async function untilAnswered(
  caller: HttpCaller,
  body: Buffer,
  key: string,
  onTurnedAway: () => void,
): Promise<void> {
  const { status, text } = await postUntilTaken(caller, body, { 'idempotency-key': key }, onTurnedAway);
  if (status === 200) return;
  if (status === 202) {
    const record = await untilTerminal(caller, key);
    if (record.status === 'completed') return;
    throw new Error(`the request ended as ${record.status}`);
  }
  throw new Error(`${status} ${text.slice(0, 300)}`);
}

/** POSTs again until the answer is not a 503. */
export async function postUntilTaken(
  caller: HttpCaller,
  body: Buffer,
  headers: Readonly<{ [name: string]: string }>,
  onTurnedAway: () => void,
): Promise<{ readonly status: number; readonly text: string }> {
  for (;;) {
    const answer = await caller.post(body, headers);
    if (answer.status !== 503) return answer;
    onTurnedAway();
    await sleep(COME_BACK_MS);
  }
}

/** Holds a GET of the record, again and again, until the request has ended. */
export async function untilTerminal(caller: HttpCaller, id: string): Promise<BenchRecord> {
  for (;;) {
    const record = await readRecord(caller, `${id}?wait=240`);
    if (record.terminal) return record;
  }
}

/** @throws Error with the answer if it is not a record */
export async function readRecord(caller: HttpCaller, id: string): Promise<BenchRecord> {
  const { status, text } = await caller.get(`/v1/requests/${id}`);
  if (status !== 200) throw new Error(`${status} ${text.slice(0, 300)}`);
  return BenchRecord.parse(JSON.parse(text));
}
