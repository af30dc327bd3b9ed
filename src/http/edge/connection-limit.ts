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

/** Connections above the limit that are still accepted, to be answered with 503; Node closes the ones above these. */
const HEADROOM = 100;

/** Answers requests on connections above the limit with 503 and closes them. Health checks are always answered. */
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
/** The connection closes with this answer; a client opens a new one. */
const MAX_REQUESTS = 10_000;
/**
 * Ignored requests of all connections together; the connection that exceeds it is closed without an answer. Node keeps
 * each until its connection closes: 1.7 KB of heap measured (Node 26), so 17 MB. One read of 64 KiB can hold 3,600.
 */
const MAX_IGNORED = 10_000;

/** A request that was received on a connection, or an error in its place. */
interface Turn {
  /** Null for what could not be parsed. */
  readonly request: IncomingMessage | null;
  begin(): void;
}

interface Connection {
  /** In order of arrival. The first one is being answered. */
  readonly turns: Turn[];
  requests: number;
  /** Nothing that arrives later is answered. */
  isClosing: boolean;
  ignored: number;
}

/** Answers the requests of a connection one after another. */
export interface RequestTurns {
  /** The server's request listener: calls `handle` when a request's turn comes. */
  listener(handle: RequestListener): RequestListener;
  /** Answers the request that was one too many with 503. */
  refuseExcess(app: App): void;
  /**
   * Calls `refuse` once all complete requests of the connection are answered, at once where there are none. For what
   * cannot be parsed, its own request included: nothing after it is answered, and a second call does nothing.
   */
  afterAnswers(socket: Socket, refuse: () => void): void;
}

/**
 * Bounds the unanswered requests of a connection (HTTP pipelining). They are answered in order, and a request begins
 * when the answer before it was sent: RFC 9112, 9.3.2 asks for that unless all of them are safe. So a connection has
 * one answer in memory at a time, and nothing begins behind an answer that closes it. The request above the bound is
 * answered with 503 and `connection: close`; what follows is ignored and not read. A client that sends one request at
 * a time sees no difference.
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

  /** A caller that left, or an answer that closes the connection, ends what was sent behind it. */
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
      // Its end will never arrive.
      if (last?.request?.complete === false) turns.pop();
      if (turns.push({ request: null, begin: refuse }) === 1) refuse();
    },
  };
}

/** Node resumes a socket whenever the body of a request was read. */
function stopReading(socket: Socket): void {
  socket.pause();
  socket.on('resume', () => socket.pause());
}
