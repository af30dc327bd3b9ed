import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IntakePlace, Requests } from '../../domain/requests.ts';
import type { App } from '../app-types.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The place in the intake. Null on routes that start no request. */
    place: IntakePlace | null;
  }
}

export function decorateIntake(app: App): void {
  app.decorateRequest('place', null);
}

/**
 * Creates the hook that takes the place of a POST before its body is read, so that a POST that is refused
 * because of overload costs no memory. The place is free at the latest when the answer has been sent or the
 * connection has closed.
 */
export function enterIntake({ enter }: Requests): (request: FastifyRequest, reply: FastifyReply) => void {
  return (request, reply) => {
    const place = enter(announcedBytes(request));
    request.place = place;
    reply.raw.once('close', () => place.leave());
  };
}

/** The place of a request on a route with that hook. */
export function placeOf({ place }: Pick<FastifyRequest, 'place'>): IntakePlace {
  if (place === null) throw new TypeError('the request has no place');
  return place;
}

/** Frees the memory of a body that has been read. */
export function forgetBody(request: Pick<FastifyRequest, 'body' | 'jsonBody' | 'largeBody'>): void {
  request.body = null;
  request.jsonBody = null;
  request.largeBody = null;
}

/** The size of the body, null if the head does not name it. A body over the limit is refused unread. */
function announcedBytes({ headers, routeOptions: { bodyLimit } }: FastifyRequest): number | null {
  const length = headers['content-length'];
  return length === undefined ? null : Math.min(Number(length), bodyLimit ?? Infinity);
}
