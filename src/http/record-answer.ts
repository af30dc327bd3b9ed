import type { FastifyReply } from 'fastify';
import type { StoredRequest } from '../domain/requests.ts';
import { pollAfterSeconds } from './polling.ts';
import { recordBytes } from './record-bytes.ts';

/** A record's answer, with a hint when to look again while it is not terminal. */
export function sendRecord(reply: FastifyReply, stored: StoredRequest): FastifyReply {
  const { id, terminal, next_attempt_at } = stored.record;
  reply.header('x-request-id', id);
  if (!terminal) reply.header('retry-after', String(pollAfterSeconds(next_attempt_at, Date.now())));
  return reply.type('application/json; charset=utf-8').send(recordBytes(stored));
}
