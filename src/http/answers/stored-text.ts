import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { isBlobRef, type TextOrRef } from '../../domain/raw-json.ts';
import type { ProjectRequests } from '../../domain/requests.ts';

/** The requests of the caller's project, as far as answers need them. */
export type TextReader = Pick<ProjectRequests, 'open'>;

/** Sends a text as JSON. One in the blob store is checked first and then sent as it is read. */
export async function sendText(
  reply: FastifyReply,
  own: TextReader,
  id: string,
  text: TextOrRef,
): Promise<FastifyReply> {
  if (!isBlobRef(text)) return sendBytes(reply, text);
  const { bytes, stream } = await own.open(id, text);
  return sendParts(reply, stream(), bytes);
}

/** Sends JSON that is in memory, without a copy of it. */
export function sendBytes(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/**
 * Sends JSON that comes in parts. If it breaks off, the connection is closed, so that the caller does not take a part
 * for the whole.
 *
 * @param byteLength of all parts together
 */
export function sendParts(
  reply: FastifyReply,
  parts: AsyncIterable<Uint8Array>,
  byteLength: number,
): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .header('content-length', String(byteLength))
    .send(Readable.from(parts, { objectMode: false }));
}

/**
 * Reads a text whole. It is for texts that must be changed before they are sent. The room that it takes is free once
 * the answer was sent.
 *
 * @throws Refusal `overloaded` if there is no room
 */
export async function readText(
  reply: FastifyReply,
  own: TextReader,
  id: string,
  text: TextOrRef,
): Promise<Uint8Array> {
  if (!isBlobRef(text)) return text;
  const opened = await own.open(id, text);
  const place = opened.hold();
  reply.raw.once('close', () => place.leave());
  return buffer(opened.stream());
}

/** Reads the body of a request whole. Null as with `readBody`. */
export async function readOwnBody(
  reply: FastifyReply,
  own: Pick<ProjectRequests, 'open' | 'readBody'>,
  id: string,
): Promise<Uint8Array | null> {
  const body = await own.readBody(id);
  return body === null ? null : readText(reply, own, id, body);
}
