import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { ERROR_CATALOGUE, type RefusalCode } from '../../domain/error-catalogue.ts';
import { Refusal } from '../../domain/refusal.ts';
import { singleHeader } from '../access/single-header.ts';
import { envelopeOf } from '../answers/errors.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import type { HttpObserver, App } from '../app-types.ts';

/** Characters of path and query; an id of 255 characters, percent-encoded, is a tenth of it. */
const MAX_URL_LENGTH = 8_192;
/** No limit: Node drops what is beyond its 2,000, and a key among them would be ignored. 16 KiB bound it. */
const MAX_HEADERS = 0;

/** Refuses what Node would refuse without a body, or let pass: unmet expectations, no or two hosts, long URLs. */
export function checkRequestHeads(app: App): void {
  const { server } = app;
  server.maxHeadersCount = MAX_HEADERS;
  server.on('checkExpectation', (request, response) => void server.emit('request', request, response));
  app.addHook('onRequest', async ({ raw }) => {
    const { expect = [] } = raw.headersDistinct;
    if ((raw.url ?? '').length > MAX_URL_LENGTH) throw new Refusal('uri_too_long');
    if (singleHeader(raw, 'Host') === undefined && raw.httpVersion === '1.1') {
      throw new Refusal('invalid_request', { message: 'The Host header is missing.' });
    }
    if (expect.some((one) => one.toLowerCase() !== '100-continue')) throw new Refusal('expectation_failed');
  });
}

const BY_NODE_CODE: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_INVALID_METHOD: 'method_not_allowed',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** In which a peer can take its answer. */
const LINGER_MS = 2_000;

/** Of whatever path: where it would have gone is not known. */
const ALLOWED_ANYWHERE = 'DELETE, GET, HEAD, POST';

export interface MalformedRequests {
  /** Node's `clientError`: what its HTTP parser refuses never becomes a request. */
  answer(error: NodeJS.ErrnoException, socket: Socket): void;
  watch(app: App): void;
}

/**
 * Answers what is no request on the bare socket, as JSON. What came whole before it has been answered: the server
 * has one request of a connection in hand at a time.
 */
export function createMalformedRequests(observer: Pick<HttpObserver, 'refused'> | null): MalformedRequests {
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
