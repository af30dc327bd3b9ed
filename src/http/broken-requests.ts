import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { ERROR_CATALOGUE, type RefusalCode } from '../domain/error-catalogue.ts';
import type { App } from './app.ts';
import { envelopeOf } from './error-answer.ts';
import type { HttpObserver } from './observe-answers.ts';
import { SECURITY_HEADERS } from './security-headers.ts';

const BY_NODE_CODE: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_INVALID_METHOD: 'method_not_allowed',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** In which a peer can take its answer. */
const LINGER_MS = 2_000;

/** Of whatever path: where it would have gone is not known. */
const ALLOWED_ANYWHERE = 'DELETE, GET, HEAD, POST';

export interface BrokenRequests {
  /** Node's `clientError`: what its HTTP parser refuses never becomes a request. */
  answer(error: NodeJS.ErrnoException, socket: Socket): void;
  watch(app: App): void;
}

/**
 * Answers what is no request on the bare socket, as JSON. What came whole before it has been answered: the server
 * has one request of a connection in hand at a time.
 */
export function createBrokenRequests(observer: Pick<HttpObserver, 'refused'> | null): BrokenRequests {
  const lastOn = new WeakMap<Socket, ServerResponse>();
  const refuseOn = (socket: Writable, code: RefusalCode): void => {
    observer?.refused(code);
    refuseOnSocket(socket, code);
  };
  return {
    answer(error, socket) {
      const before = lastOn.get(socket);
      // Refused before its end, the request that breaks now has its answer.
      const isAnswered = before?.writableFinished === true && !before.req.complete;
      if (error.code === 'ECONNRESET' || !socket.writable || isAnswered) {
        socket.destroy();
        return;
      }
      refuseOn(socket, BY_NODE_CODE[error.code ?? ''] ?? 'invalid_request');
    },
    watch({ server }) {
      server.prependListener('request', ({ socket }, response) => void lastOn.set(socket, response));
      // CONNECT is no request to Node, which hangs up unless somebody takes the socket.
      server.on('connect', (_request, socket) => refuseOn(socket, 'method_not_allowed'));
    },
  };
}

function refuseOnSocket(socket: Writable, code: RefusalCode): void {
  const { status } = ERROR_CATALOGUE[code];
  const body = JSON.stringify(envelopeOf(code));
  const headers = {
    ...SECURITY_HEADERS,
    ...(code === 'method_not_allowed' ? { allow: ALLOWED_ANYWHERE } : {}),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'x-should-retry': 'false',
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // A peer may keep its half open, and no timeout of Node's reaches what has no parser any more.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}
