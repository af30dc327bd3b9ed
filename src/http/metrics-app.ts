import Fastify, { LogController, type FastifyBaseLogger } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { createServer } from 'node:http';
import { isLoopback } from '../domain/hosts.ts';
import { Refusal } from '../domain/refusal.ts';
import { createRequestTurns } from './edge/connection-limit.ts';
import { createMalformedRequests } from './edge/malformed-requests.ts';
import { handleErrors } from './answers/errors.ts';
import { collectPaths, refuseOtherMethods } from './edge/method-not-allowed.ts';
import { isAllowedHost } from './access/browser-guard.ts';
import { SECURITY_HEADERS, sendSecurityHeaders } from './edge/security-headers.ts';
import { dropSlowReaders } from './edge/slow-readers.ts';
import type { App } from './app-types.ts';

export interface MetricsAppDependencies {
  /** Returns the current metrics as text. */
  readonly text: () => Promise<string>;
  readonly contentType: string;
  /**
   * The address that the server listens on. On loopback, only loopback names and this address are accepted in
   * the Host header, because a web page may resolve its own name to this machine (DNS rebinding).
   */
  readonly host: string;
  readonly logger: FastifyBaseLogger;
}

const RECEIVE_TIMEOUT_MS = 10_000;
const SERVER_OPTIONS = {
  requestTimeout: RECEIVE_TIMEOUT_MS,
  keepAliveTimeout: 72_000,
  requireHostHeader: false,
};
const SLOW_READERS = { timeoutMs: 10_000, maxBytes: 16 * 1024 * 1024 };
/** Prometheus needs one or two connections. */
const MAX_CONNECTIONS = 100;

/**
 * Builds the Prometheus endpoint: `GET /metrics` and nothing else, without authentication. It does not listen
 * yet.
 */
export function buildMetricsApp({ text, contentType, host, logger }: MetricsAppDependencies): App {
  const turns = createRequestTurns();
  const malformedRequests = createMalformedRequests(null, turns);
  const app: App = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1,
    serverFactory: (handle) => createServer(SERVER_OPTIONS, turns.listener(handle)),
    forceCloseConnections: 'idle',
    clientErrorHandler: malformedRequests.answer,
    frameworkErrors: (error, _request, reply) => {
      void handleErrors.answer(error, reply.headers(SECURITY_HEADERS));
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.server.maxConnections = MAX_CONNECTIONS;
  handleErrors(app);
  sendSecurityHeaders(app);
  turns.refuseExcess(app);
  dropSlowReaders(app, SLOW_READERS);
  malformedRequests.watch(app);
  const paths = collectPaths(app);
  app.addHook('onRequest', async ({ headers }) => {
    if (!isLoopback(host) || isAllowedHost(headers.host, [host])) return;
    const message =
      'On loopback, metrics accept only loopback host names. REQRUN_METRICS_HOST changes the address.';
    throw new Refusal('host_not_allowed', { message });
  });
  app.get('/metrics', async (_request, reply) => reply.type(contentType).send(await text()));
  refuseOtherMethods(app, paths);
  return app;
}
