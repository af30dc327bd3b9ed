import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Which direction says nothing any more, while its connections stay open: a half-open connection. */
export type Silence = 'none' | 'requests' | 'answers' | 'both';

/** A TCP proxy that can be slow, silent or gone. What it has taken it forwards in the end, in order. */
export interface TcpProxy {
  readonly address: string;
  silence(which: Silence): void;
  /** What passes from now on arrives so much later, in each direction. */
  delay(ms: number): void;
  /** Cuts every connection and refuses new ones, as a server that is gone does; `false` listens again. */
  refuse(refuse: boolean): Promise<void>;
  close(): void;
}

interface Flow {
  readonly from: Socket;
  readonly direction: Exclude<Silence, 'none' | 'both'>;
}

/** @param target host:port */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [host = '', port = ''] = target.split(':');
  const flows = new Set<Flow>();
  let silent: Silence = 'none';
  let delayMs = 0;
  let server: Server;

  const apply = ({ from, direction }: Flow): void => {
    if (silent === 'both' || silent === direction) from.pause();
    else from.resume();
  };

  function forward(direction: Flow['direction'], from: Socket, to: Socket): void {
    const flow = { from, direction };
    flows.add(flow);
    let before: Promise<unknown> = Promise.resolve();
    from.on('data', (chunk) => {
      const due = delayMs === 0 ? null : sleep(delayMs, undefined, { ref: false });
      before = before.then(() => due).then(() => to.write(chunk));
    });
    from.on('error', () => undefined);
    from.on('end', () => void before.then(() => to.end()));
    from.on('close', () => {
      flows.delete(flow);
      // What came before a regular end is still on its way.
      if (!from.readableEnded) to.destroy();
    });
    apply(flow);
  }

  async function listen(at: number): Promise<number> {
    server = createServer((client) => {
      const upstream = connect(Number(port), host);
      forward('requests', client, upstream);
      forward('answers', upstream, client);
    }).listen(at, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port was given');
    return address.port;
  }
  const cut = (): void => {
    server.close();
    for (const { from } of flows) from.destroy();
  };

  const listening = await listen(0);
  return {
    address: `127.0.0.1:${listening}`,
    silence: (which) => {
      silent = which;
      for (const flow of flows) apply(flow);
    },
    delay: (ms) => {
      delayMs = ms;
    },
    refuse: async (refuse) => {
      if (refuse) cut();
      else await listen(listening);
    },
    close: cut,
  };
}
