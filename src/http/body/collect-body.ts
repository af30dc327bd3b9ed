import { errorCodes, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';

/**
 * Receives a body into memory, as Fastify's own reader does, but a body of a known length into one buffer from the
 * start. Joining the parts of 40 MB at the end would hold up every other call for 40 ms.
 *
 * @throws FST_ERR_CTP_BODY_TOO_LARGE; the error of the connection if it breaks off
 */
export async function collectBody(
  { headers, routeOptions: { bodyLimit = Infinity } }: FastifyRequest,
  payload: IncomingMessage,
): Promise<Buffer> {
  const length = Number(headers['content-length'] ?? NaN);
  if (length > bodyLimit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  return Number.isNaN(length) ? collectParts(payload, bodyLimit) : collectInto(payload, length);
}

/** The HTTP parser of Node passes on exactly as many bytes as the head announces, or the connection breaks off. */
async function collectInto(payload: IncomingMessage, length: number): Promise<Buffer> {
  const body = Buffer.allocUnsafeSlow(length);
  let received = 0;
  await eachPart(payload, (part) => {
    body.set(part, received);
    received += part.length;
  });
  if (received !== length) throw new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH();
  return body;
}

async function collectParts(payload: IncomingMessage, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let received = 0;
  await eachPart(payload, (part) => {
    received += part.length;
    if (received > limit) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
    parts.push(part);
  });
  return Buffer.concat(parts, received);
}

/** Not an async iteration, because that destroys the connection when the loop is left, before it is answered. */
function eachPart(payload: IncomingMessage, take: (part: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (settle: () => void): void => {
      payload.removeListener('data', onData);
      payload.removeListener('end', onEnd);
      payload.removeListener('error', onError);
      settle();
    };
    const onData = (part: Buffer): void => {
      try {
        take(part);
      } catch (error) {
        stop(() => reject(error));
      }
    };
    const onEnd = (): void => stop(resolve);
    const onError = (error: Error): void => stop(() => reject(Object.assign(error, { statusCode: 400 })));
    payload.on('data', onData).on('end', onEnd).on('error', onError).resume();
  });
}
