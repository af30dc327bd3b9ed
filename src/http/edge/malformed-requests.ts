import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ERROR_CATALOGUE, type RefusalCode } from '../../domain/error-catalogue.ts';
import { Refusal } from '../../domain/refusal.ts';
import { singleHeader } from '../access/single-header.ts';
import { envelopeOf } from '../answers/errors.ts';
import type { RequestTurns } from './connection-limit.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import type { HttpObserver, App } from '../app-types.ts';

/** Maximum characters of path and query. A percent-encoded id of 255 characters uses a tenth of it. */
const MAX_URL_LENGTH = 8_192;
/**
 * 0 = no limit on the number. With a limit (2,000 by default) Node drops further headers, and an idempotency
 * key among them would be ignored. Headers are bounded by 16 KiB in all.
 */
const MAX_HEADERS = 0;

/**
 * Refuses unmet expectations, which Node would refuse without a body. Also refuses a missing or repeated Host
 * header and long URLs, which Node would accept.
 */
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

/** How long a peer has to read its answer. */
const LINGER_MS = 2_000;

/**
 * The Allow header of a request that was not parsed: its path is unknown, so all methods of the API are
 * listed.
 */
const ALLOWED_ANYWHERE = 'DELETE, GET, HEAD, POST';

export interface MalformedRequests {
  /** Handles Node's `clientError`: input that its HTTP parser refuses never becomes a request. */
  answer(error: NodeJS.ErrnoException, socket: Socket): void;
  watch(app: App): void;
}

/**
 * Answers input that is not an HTTP request, as JSON on the bare socket. The answer is sent after the answers
 * to all requests that were complete before it.
 */
export function createMalformedRequests(
  observer: Pick<HttpObserver, 'refused'> | null,
  turns: Pick<RequestTurns, 'afterAnswers'>,
): MalformedRequests {
  const lastOn = new WeakMap<Socket, ServerResponse>();
  const refuse = (socket: Socket, code: RefusalCode): void =>
    turns.afterAnswers(socket, () => {
      observer?.refused(code);
      refuseOnSocket(socket, code);
    });
  return {
    answer(error, socket) {
      const last = lastOn.get(socket);
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
      // The unfinished request has been refused and answered already.
      else if (last?.writableEnded === true && !last.req.complete) socket.destroySoon();
      else refuse(socket, BY_NODE_CODE[error.code ?? ''] ?? 'invalid_request');
    },
    watch({ server }) {
      server.prependListener('request', ({ socket }, response) => void lastOn.set(socket, response));
      // Without this listener, Node closes the connection on CONNECT. With it, Node passes a socket that has
      // no error listener.
      server.on('connect', ({ socket }) => {
        socket.on('error', () => socket.destroy());
        refuse(socket, 'method_not_allowed');
      });
    },
  };
}

function refuseOnSocket(socket: Socket, code: RefusalCode): void {
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
  // Needed because a peer may keep its side open, and Node applies no timeout to a socket without a parser.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}
