import type { Socket } from 'node:net';
import type { App } from '../app-types.ts';
import { overloaded } from '../../domain/refusal.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered on every connection: those who ask whether the process lives must hear that it does. */
    isHealth?: boolean;
  }
}

/** Connections beyond the limit that are let in to be told so; what comes beyond these is closed by Node. */
const HEADROOM = 100;

/** Refuses what comes on a connection beyond the limit, health apart, and closes it with the answer. */
export function limitConnections(app: App, max: number): void {
  const { server } = app;
  const beyond = new WeakSet<Socket>();
  let open = 0;
  server.maxConnections = max + HEADROOM;
  server.on('connection', (socket) => {
    open += 1;
    if (open > max) beyond.add(socket);
    socket.once('close', () => (open -= 1));
  });
  app.addHook('onRequest', async (request, reply) => {
    if (!beyond.has(request.raw.socket)) return;
    reply.header('connection', 'close');
    if (request.routeOptions.config.isHealth !== true) throw overloaded();
  });
}
