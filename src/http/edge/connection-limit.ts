import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { overloaded } from '../../domain/refusal.ts';
import type { App } from '../app-types.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A health check: answered on every connection, also above the connection limit. */
    isHealth?: boolean;
  }
}

/**
 * Number of connections above the limit that are still accepted, because they get a 503 as answer. Node closes
 * new connections above that number.
 */
const HEADROOM = 100;

/**
 * Answers requests on connections above the limit with 503 and closes the connection. Health checks are
 * always answered.
 */
export function limitConnections(app: App, max: number): void {
  const { server } = app;
  const aboveLimit = new WeakSet<Socket>();
  let open = 0;
  server.maxConnections = max + HEADROOM;
  server.on('connection', (socket) => {
    open += 1;
    if (open > max) aboveLimit.add(socket);
    socket.once('close', () => (open -= 1));
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!aboveLimit.has(request.raw.socket)) return;
    reply.header('connection', 'close');
    if (request.routeOptions.config.isHealth !== true) throw overloaded();
  });
}

/** Unanswered requests of one connection. No HTTP client in use pipelines more than a few. */
const MAX_UNANSWERED = 16;
/** Requests of one connection. The answer to the last one closes it, and the client opens a new one. */
const MAX_REQUESTS = 10_000;
/**
 * Limit on ignored requests, over all connections. The connection that exceeds it is closed without an
 * answer. Node keeps an ignored request until its connection closes: 1.7 KB of heap each (measured, Node 26),
 * so 17 MB in all. One read of 64 KiB can contain 3,600 requests.
 */
const MAX_IGNORED = 10_000;

/** One entry in the queue of a connection: a received request, or the error that takes its place. */
interface Turn {
  /** Null for an error: the request could not be parsed. */
  readonly request: IncomingMessage | null;
  begin(): void;
}

interface Connection {
  /** In order of arrival. The first entry is the one being answered. */
  readonly turns: Turn[];
  requests: number;
  /** True = requests that arrive from now on are ignored. */
  isClosing: boolean;
  ignored: number;
}

/** Answers the requests of a connection one after another. */
export interface RequestTurns {
  /** The server's request listener. Calls `handle` when it is the turn of a request. */
  listener(handle: RequestListener): RequestListener;
  /** Answers the first request above the limit with 503. */
  refuseExcess(app: App): void;
  /**
   * Call it for input that cannot be parsed. Calls `refuse` when all complete requests of the connection are
   * answered, or at once if there are none. Drops an incomplete last request, and ignores later input. A
   * second call does nothing.
   */
  afterAnswers(socket: Socket, refuse: () => void): void;
}

/**
 * Bounds the unanswered requests of a connection (HTTP pipelining).
 *
 * Requests are answered in order. A request starts only after the previous answer was sent, because RFC 9112,
 * 9.3.2 requires it unless all pipelined requests have safe methods. So a connection has one answer in memory
 * at a time, and no request starts after an answer that closes the connection.
 *
 * The first request above the limit gets 503 and `connection: close`. Later requests that were already read
 * are ignored, and later input is not read. A client that sends one request at a time sees no difference.
 */
export function createRequestTurns(): RequestTurns {
  const connections = new WeakMap<Socket, Connection>();
  const excess = new WeakSet<IncomingMessage>();
  let ignored = 0;

  function connectionOf(socket: Socket): Connection {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const connection: Connection = { turns: [], requests: 0, isClosing: false, ignored: 0 };
    connections.set(socket, connection);
    return connection;
  }

  /**
   * Starts the first request. On a connection that can no longer be written to, drops all of them instead.
   */
  function beginFirst(socket: Socket, connection: Connection): void {
    if (socket.writable) return connection.turns[0]?.begin();
    connection.isClosing = true;
    connection.turns.length = 0;
  }

  function ignore(socket: Socket, connection: Connection): void {
    if (connection.ignored === 0) socket.once('close', () => (ignored -= connection.ignored));
    connection.ignored += 1;
    ignored += 1;
    if (ignored > MAX_IGNORED) socket.destroy();
  }

  return {
    listener: (handle) => (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      const connection = connectionOf(socket);
      const { turns } = connection;
      if (connection.isClosing) return ignore(socket, connection);
      connection.requests += 1;
      if (turns.length === MAX_UNANSWERED) {
        excess.add(request);
        connection.isClosing = true;
        stopReading(socket);
      }
      if (connection.requests === MAX_REQUESTS) response.setHeader('connection', 'close');
      const begin = (): void => {
        response.once('close', () => {
          turns.shift();
          beginFirst(socket, connection);
        });
        handle(request, response);
      };
      if (turns.push({ request, begin }) === 1) beginFirst(socket, connection);
    },
    refuseExcess(app) {
      app.addHook('onRequest', async ({ raw }, reply) => {
        if (!excess.has(raw)) return;
        reply.header('connection', 'close');
        throw overloaded();
      });
    },
    afterAnswers(socket, refuse) {
      const connection = connectionOf(socket);
      if (connection.isClosing) return;
      connection.isClosing = true;
      const { turns } = connection;
      const last = turns.at(-1);
      // An incomplete request will never become complete.
      if (last?.request?.complete === false) turns.pop();
      if (turns.push({ request: null, begin: refuse }) === 1) refuse();
    },
  };
}

/**
 * Stops reading for good. Pauses again on `resume`, because Node resumes a socket after each request body.
 */
function stopReading(socket: Socket): void {
  socket.pause();
  socket.on('resume', () => socket.pause());
}
