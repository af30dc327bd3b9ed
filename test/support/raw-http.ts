import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Answer } from './api.ts';

interface ExchangeOptions {
  /** Closes our half after the request, as a caller does that has sent all it will ever send. */
  readonly endAfterRequest?: boolean;
  /** No answer and no close by then is a hang, which fails the test. */
  readonly withinMs?: number;
}

/**
 * Sends bytes on a bare socket, for what HTTP clients are too polite to send, and reads one answer.
 * Null where the server closed without one.
 */
export async function exchange(
  url: string,
  request: Uint8Array,
  { endAfterRequest = false, withinMs = 20_000 }: ExchangeOptions = {},
): Promise<Answer | null> {
  const socket = await open(url);
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${withinMs} ms`)), withinMs);
  socket.write(request);
  if (endAfterRequest) socket.end();
  try {
    return await readAnswer(socket);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** A connection to the server at `url`. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}

/** Reads one answer; null where the server closes without one. */
export async function readAnswer(socket: Socket): Promise<Answer | null> {
  let received = '';
  try {
    for await (const chunk of socket.setEncoding('latin1')) {
      received += String(chunk);
      const answer = parseAnswer(received);
      if (answer !== null) return answer;
    }
  } catch (error) {
    const broken = error instanceof Error && 'code' in error;
    if (!broken) throw error;
  }
  return parseAnswer(received, { isClosed: true });
}

/** Null while the answer is not complete. Interim (1xx) answers are left out. */
function parseAnswer(received: string, { isClosed = false } = {}): Answer | null {
  const end = received.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [statusLine = '', ...lines] = received.slice(0, end).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`not HTTP: ${JSON.stringify(received.slice(0, 100))}`);
  if (status < 200) return parseAnswer(received.slice(end + 4), { isClosed });
  const headers = new Headers(lines.map((line): [string, string] => toPair(line)));
  const length = Number(headers.get('content-length') ?? 0);
  const body = received.slice(end + 4, end + 4 + length);
  // An answer to HEAD has the length of a body that never comes.
  if (body.length < length && !isClosed) return null;
  return { status, headers, text: Buffer.from(body, 'latin1').toString() };
}

function toPair(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
