import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { ERROR_CATALOGUE, type RefusalCode } from '../domain/error-catalogue.ts';

const BY_NODE_CODE: Readonly<Record<string, RefusalCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** What Node's HTTP parser refuses never becomes a request; it is answered on the bare socket, as JSON. */
export function answerBrokenRequests(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = BY_NODE_CODE[error.code ?? ''] ?? 'invalid_request';
  const { status, type, meaning } = ERROR_CATALOGUE[code];
  const body = JSON.stringify({ error: { message: meaning, type, param: null, code } });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `x-should-retry: false\r\nConnection: close\r\n\r\n${body}`,
  );
}
