import type { FastifyReply } from 'fastify';
import { toStrictJson } from '../../domain/lenient-json.ts';
import { isBlobRef } from '../../domain/raw-json.ts';
import type { Acceptance, StoredRequest } from '../../domain/requests.ts';
import { readText, sendBytes, sendParts, type TextReader } from './stored-text.ts';

/**
 * A record's answer, with a hint when to look again while it is not terminal.
 *
 * @param own null = the result is in memory, or is left out
 */
export async function sendRecord(
  reply: FastifyReply,
  stored: StoredRequest,
  own: TextReader | null = null,
): Promise<FastifyReply> {
  const { id, terminal, next_attempt_at } = stored.record;
  reply.header('x-request-id', id);
  if (!terminal) reply.header('retry-after', String(pollAfterSeconds(next_attempt_at, Date.now())));
  const { record, result } = stored;
  if (result === null) return sendBytes(reply, recordBytes(record, null));
  if (own === null || !isBlobRef(result)) {
    return sendBytes(reply, recordBytes(record, isBlobRef(result) ? null : result));
  }
  if (result.lenient === true)
    return sendBytes(reply, recordBytes(record, await readText(reply, own, record.id, result)));
  const { bytes, stream } = await own.open(record.id, result);
  const [before, after] = around(record);
  return sendParts(reply, joined(before, stream(), after), before.byteLength + bytes + after.byteLength);
}

async function* joined(
  before: Uint8Array,
  text: AsyncIterable<Uint8Array>,
  after: Uint8Array,
): AsyncGenerator<Uint8Array> {
  yield before;
  yield* text;
  yield after;
}

type Head = StoredRequest['record'];

/** The record's JSON before and after its result. */
function around(record: Head): readonly [Uint8Array, Uint8Array] {
  return [Buffer.from(`${JSON.stringify(record).slice(0, -1)},"result":`), Buffer.from('}')];
}

/**
 * The record as JSON with the upstream's own text in it: its numbers and spacing reach every reader alike. What
 * would make the record no JSON is replaced here alone: non-finite numbers by null, undecodable bytes by U+FFFD.
 */
function recordBytes(record: Head, result: Uint8Array | null): Buffer {
  const text = result === null ? 'null' : toStrictJson(new TextDecoder().decode(result));
  const [before, after] = around(record);
  return Buffer.concat([before, Buffer.from(text), after]);
}

/** Names the request in the headers of an answer, and what the answer is. */
export function nameAcceptance(
  reply: FastifyReply,
  { id, replayed }: Pick<Acceptance, 'id' | 'replayed'>,
  applied: string | null,
): void {
  reply.header('x-request-id', id);
  if (replayed) reply.header('idempotent-replayed', 'true');
  if (applied !== null) reply.header('preference-applied', applied);
}

/** Where a record is read; the id is opaque and may hold any visible ASCII. */
export function recordPath(id: string): string {
  return `/v1/requests/${encodeURIComponent(id)}`;
}

/** `Retry-After` while a request runs: until its next attempt, at least 1 s and at most 60 s. */
export function pollAfterSeconds(nextAttemptAt: string | null, nowMs: number): number {
  if (nextAttemptAt === null) return 1;
  const seconds = Math.ceil((Date.parse(nextAttemptAt) - nowMs) / 1000);
  return Math.min(60, Math.max(1, seconds));
}
