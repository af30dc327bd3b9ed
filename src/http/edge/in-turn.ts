import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createRequestCuts } from './request-cuts.ts';

/** What passes from a connection to its parser. */
interface Gate {
  /** Shuts until this response is over, once its request has been received. */
  shutFor(response: ServerResponse): void;
  /** Nothing passes any more. */
  remove(): void;
}

/** With its answer, a connection is closed; a client begins a new one. */
const MAX_REQUESTS = 10_000;

/**
 * One request of a connection at a time: what a caller sends before it has its answer stays unread, and the
 * system lets it send no more. Node would parse and begin all that has come, 64 KiB of it at the least, and keep
 * every answer until the ones before it are taken. Callers that leave are noticed while they send nothing further.
 */
export function answerInTurn(server: Server): void {
  const gates = new WeakMap<object, Gate>();
  server.on('connection', (socket) => void gates.set(socket, putGate(socket)));
  server.prependListener('request', (request, response) => gates.get(request.socket)?.shutFor(response));
  // Its parser is given to another connection.
  server.prependListener('connect', (_request, socket) => gates.get(socket)?.remove());
}

/** Between the socket and Node's own listener, which feeds the parser. */
function putGate(socket: Socket): Gate {
  const [parse] = socket.listeners('data');
  if (parse === undefined) throw new TypeError('the HTTP server does not listen to its socket');
  const cuts = createRequestCuts();
  let inHand: ServerResponse | null = null;
  let isHeld = false;
  let isRemoved = false;
  let requests = 0;

  const isShut = (): boolean => inHand?.req.complete === true;
  /** What must not be parsed yet goes back to where it came from. A connection that is ending begins nothing. */
  const pass = (chunk: string | NonSharedBuffer): void => {
    let rest = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    while (rest.length > 0 && socket.writable && !isRemoved) {
      if (isShut() && !socket.isPaused()) {
        isHeld = true;
        socket.pause();
      }
      // Or by Node, whose reader of a body wants no more for now.
      if (socket.isPaused()) return void socket.unshift(rest);
      const next = rest.subarray(0, cuts.next(rest));
      rest = rest.subarray(next.length);
      parse(next);
    }
  };
  socket.off('data', parse);
  socket.on('data', pass);
  return {
    shutFor(response) {
      requests += 1;
      if (requests >= MAX_REQUESTS) response.setHeader('connection', 'close');
      inHand = response;
      cuts.expectBody(Number(response.req.headers['content-length'] ?? 0));
      response.once('close', () => {
        if (inHand === response) inHand = null;
        if (isHeld) socket.resume();
        isHeld = false;
      });
    },
    remove() {
      isRemoved = true;
      socket.off('data', pass);
    },
  };
}
