import { z } from 'zod';
import { type StreamedOperation, type StreamEvent } from '../domain/streams/stream-event.ts';
import type { AttemptFate } from '../domain/streams/channel.ts';

/** What one process tells others of a running attempt. All messages of an attempt are numbered from 0. */
export type StreamMessage =
  | { readonly kind: 'begin'; readonly attempt: number; readonly operation: StreamedOperation }
  | {
      readonly kind: 'events';
      readonly attempt: number;
      readonly number: number;
      readonly events: readonly StreamEvent[];
    }
  | { readonly kind: 'end'; readonly attempt: number; readonly number: number; readonly fate: AttemptFate };

const count = z.int().min(0);

const Message = z.discriminatedUnion('k', [
  z
    .object({ k: z.literal('b'), a: count, o: z.enum(['chat.completions', 'completions', 'responses']) })
    .transform(({ a, o }): StreamMessage => ({ kind: 'begin', attempt: a, operation: o })),
  z
    .object({
      k: z.literal('e'),
      a: count,
      n: count,
      e: z.array(z.tuple([z.string().nullable(), z.string()])),
    })
    .transform(({ a, n, e }): StreamMessage => ({
      kind: 'events',
      attempt: a,
      number: n,
      events: e.map(([event, data]) => ({ event, data })),
    })),
  z
    .object({ k: z.literal('x'), a: count, n: count, f: z.enum(['completed', 'broken', 'last']) })
    .transform(({ a, n, f }): StreamMessage => ({ kind: 'end', attempt: a, number: n, fate: f })),
]);

/** Encodes a message as JSON. */
export function encodeMessage(message: StreamMessage): Buffer {
  return Buffer.from(JSON.stringify(toWire(message)));
}

function toWire(message: StreamMessage): z.input<typeof Message> {
  switch (message.kind) {
    case 'begin':
      return { k: 'b', a: message.attempt, o: message.operation };
    case 'events':
      return {
        k: 'e',
        a: message.attempt,
        n: message.number,
        e: message.events.map(({ event, data }) => [event, data]),
      };
    case 'end':
      return { k: 'x', a: message.attempt, n: message.number, f: message.fate };
  }
}

/** Decodes a message. Null = it is none, such as one that was sealed with another key. */
export function decodeMessage(bytes: Uint8Array | null): StreamMessage | null {
  if (bytes === null) return null;
  try {
    return Message.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}
