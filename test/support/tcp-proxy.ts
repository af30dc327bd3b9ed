import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can swallow the server's answers: what it forwards is carried out, nobody hears of it. */
export interface TcpProxy {
  readonly address: string;
  swallowAnswers(swallow: boolean): void;
  close(): void;
}

/** @param target host:port */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host = '', port = ''] = target.split(':');
  const servers = new Set<Socket>();
  const sockets = new Set<Socket>();
  let swallowing = false;
  const proxy = createServer((client) => {
    const server = connect(Number(port), host);
    servers.add(server);
    client.pipe(server);
    server.on('data', (chunk) => client.write(chunk));
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    if (swallowing) server.pause();
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return {
    address: `127.0.0.1:${address.port}`,
    swallowAnswers: (swallow) => {
      swallowing = swallow;
      for (const server of servers) {
        if (swallow) server.pause();
        else server.resume();
      }
    },
    close: () => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
