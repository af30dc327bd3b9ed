import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** An upstream on bare sockets, which does on each request what HTTP servers are too polite to do. */
export interface RawUpstream {
  readonly baseURL: string;
  /** Whole requests, by the connection (counted from 0) that each came on. */
  readonly requests: readonly number[];
  /** Connections that have not ended on both sides. */
  openConnections(): number;
  close(): void;
}

type Act = (socket: Socket, request: number) => void;

/** `acts` on the requests in turn, whatever connections they come on; the last one repeats. */
export async function startRawUpstream(...acts: Act[]): Promise<RawUpstream> {
  const requests: number[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const connection = sockets.push(socket) - 1;
    let received = '';
    socket.on('error', () => undefined).setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
      for (let end = endOfRequest(received); end !== null; end = endOfRequest(received)) {
        received = received.slice(end);
        const request = requests.push(connection) - 1;
        acts[Math.min(request, acts.length - 1)]?.(socket, request);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    baseURL: `http://127.0.0.1:${address.port}/v1`,
    requests,
    openConnections: () => sockets.filter(({ destroyed }) => !destroyed).length,
    close: () => {
      server.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

/** An answer that leaves its connection open. */
export function rawAnswer(status: string, body = '{}', headers: readonly string[] = []): string {
  const length = `content-length: ${Buffer.byteLength(body, 'latin1')}`;
  return [`HTTP/1.1 ${status}`, length, ...headers, '', body].join('\r\n');
}

/** Where the first whole request ends; null while there is none. */
function endOfRequest(received: string): number | null {
  const body = received.indexOf('\r\n\r\n') + 4;
  if (body < 4) return null;
  const length = Number(/^content-length: *(\d+)/im.exec(received.slice(0, body))?.[1] ?? 0);
  return received.length >= body + length ? body + length : null;
}
