import type { FastifyReply } from 'fastify';
import { isObject } from '../../domain/raw-json.ts';
import { Refusal } from '../../domain/refusal.ts';
import type {
  FollowedRequest,
  IntakePlace,
  NewRequest,
  ProjectRequests,
  StreamHold,
} from '../../domain/requests.ts';
import type { StreamPosition } from '../../domain/streams/channel.ts';
import { errorSequenceNumber, isStreamed, ofSequenceNumber } from '../../domain/streams/stream-event.ts';
import { recordPath } from '../answers/record.ts';
import { nameAcceptance } from '../answers/record.ts';
import type { StreamTimes } from '../app-types.ts';
import { sendStream } from './send-stream.ts';

/** A POST that asks for its answer as a stream. */
interface StreamedPost {
  readonly asked: NewRequest;
  readonly place: IntakePlace;
  readonly hold: StreamHold;
  /** Whether the caller asked for the usage. */
  readonly usage: boolean;
}

/** Accepts a request and streams its answer, whatever the wait of the call is. */
export async function sendNewStream(
  reply: FastifyReply,
  own: ProjectRequests,
  { asked, place, hold, usage }: StreamedPost,
  times: StreamTimes | undefined,
): Promise<FastifyReply> {
  const followed = await own.submitStreamed(asked, hold, place);
  nameAcceptance(reply, followed, null);
  return send(reply, followed, usage, null, hold.signal, times);
}

/** Whether the body of a chat completion or completion asks for the usage at the end of the stream. */
export function asksForUsage({ stream_options: options }: Readonly<Record<string, unknown>>): boolean {
  return isObject(options) && options['include_usage'] === true;
}

/**
 * Streams the answer of a Response that exists.
 *
 * @param startingAfter the number of the last event that the caller has. Null = from the start
 * @throws Refusal `stream_superseded` if that event belongs to an attempt that was abandoned; `request_not_found`, also
 *   for a request of another operation
 */
export async function sendStreamOfResponse(
  reply: FastifyReply,
  own: ProjectRequests,
  id: string,
  hold: StreamHold,
  startingAfter: number | null,
  times: StreamTimes | undefined,
): Promise<FastifyReply> {
  const followed = await own.followStream(id, hold);
  if (followed?.operation !== 'responses') {
    followed?.leave();
    throw new Refusal('request_not_found');
  }
  reply.header('x-request-id', followed.id);
  return send(reply, followed, true, positionAfter(startingAfter, followed), hold.signal, times);
}

/** The place of the event that follows the one with the given number. */
function positionAfter(number: number | null, { abandoned, leave }: FollowedRequest): StreamPosition | null {
  if (number === null) return null;
  const { attempt, ordinal } = ofSequenceNumber(number);
  if (attempt > abandoned && number !== errorSequenceNumber(attempt))
    return { attempt, ordinal: ordinal + 1 };
  leave();
  throw new Refusal('stream_superseded', { param: 'starting_after' });
}

function send(
  reply: FastifyReply,
  followed: FollowedRequest,
  usage: boolean,
  from: StreamPosition | null,
  stopping: AbortSignal,
  times: StreamTimes | undefined,
): Promise<FastifyReply> {
  const { operation } = followed;
  if (!isStreamed(operation)) throw new TypeError(`${operation} is not streamed`);
  reply.header('location', recordPath(followed.id));
  return sendStream(reply, followed, { operation, usage, from }, stopping, times);
}
