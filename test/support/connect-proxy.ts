import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';

/** An HTTP proxy on loopback: tunnels for CONNECT, requests in absolute form for plain http. */
export interface ConnectProxy {
  /** For a proxy variable; with credentials where the proxy wants some. */
  readonly url: string;
  readonly origin: string;
  /** The targets that were asked for, in order; also of what was refused. */
  readonly tunnels: readonly string[];
  /** The URLs that were asked for in absolute form. */
  readonly requests: readonly string[];
  /** The heads of all that came, for what must not stand in them. */
  readonly heads: readonly string[];
  close(): void;
}

export interface ProxyOptions {
  /** `user:password`, as they are written in a URL. */
  readonly credentials?: string;
  /** Answers every CONNECT like this instead; null = closes the connection without an answer. */
  readonly refuse?: string | null;
  /** Takes CONNECT and never answers. */
  readonly stall?: boolean;
  /** Where names lead, for hosts that do not resolve: `host:port` to a loopback port. */
  readonly routes?: Readonly<Record<string, number>>;
}

/** Starts a proxy on a port of its own. */
export async function startConnectProxy(options: ProxyOptions = {}): Promise<ConnectProxy> {
  const { credentials, refuse, stall = false, routes = {} } = options;
  const tunnels: string[] = [];
  const requests: string[] = [];
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const expected = `Basic ${Buffer.from(decodeURIComponent(credentials ?? '')).toString('base64')}`;
  const isLetIn = ({ headers }: IncomingMessage): boolean =>
    credentials === undefined || headers['proxy-authorization'] === expected;
  const note = ({ rawHeaders }: IncomingMessage): number => heads.push(rawHeaders.join('\n'));

  const server = createServer((request, response) => {
    note(request);
    const url = request.url ?? '';
    requests.push(url);
    if (!isLetIn(request)) return void response.writeHead(407, { 'proxy-authenticate': 'Basic' }).end();
    const { hostname, port, pathname, search, host } = new URL(url);
    const { 'proxy-authorization': _own, ...headers } = request.headers;
    const onward = httpRequest({
      host: hostname in routes || host in routes ? '127.0.0.1' : hostname,
      port: routes[host] ?? (port || 80),
      path: pathname + search,
      method: request.method,
      headers,
    });
    onward.on('response', (answer) => {
      // An answer that breaks off breaks off here as well; `pipe` alone would leave it open.
      answer.on('error', () => response.destroy());
      answer.pipe(response.writeHead(answer.statusCode ?? 502, answer.headers));
    });
    onward.on('error', () => response.writeHead(502).end());
    return void request.pipe(onward);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    note(request);
    const target = request.url ?? '';
    tunnels.push(target);
    if (stall) return;
    if (refuse === null) return void socket.destroy();
    if (refuse !== undefined) return void socket.end(`HTTP/1.1 ${refuse}\r\ncontent-length: 0\r\n\r\n`);
    if (!isLetIn(request)) {
      return void socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n',
      );
    }
    const [host = '', port = '443'] = target.split(/:(?=\d+$)/);
    const onward = connect(routes[target] ?? Number(port), target in routes ? '127.0.0.1' : host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy()).on('close', () => sockets.delete(onward));
    socket.on('close', () => onward.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  const authority = `127.0.0.1:${address.port}`;
  return {
    origin: `http://${authority}`,
    url: `http://${credentials === undefined ? '' : `${credentials}@`}${authority}`,
    tunnels,
    requests,
    heads,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
