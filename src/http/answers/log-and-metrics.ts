import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App, HttpObserver } from '../app-types.ts';

/**
 * Reports every request to the observer, routed or not. Call it before adding hooks that may refuse a
 * request.
 */
export function observeAnswers(app: App, observer: HttpObserver): void {
  app.addHook('onRequest', (request, reply, done) => {
    observeAnswer(request, reply, observer);
    done();
  });
}

/** Reports one request when its answer has ended, also when the caller disconnected. */
export function observeAnswer(request: FastifyRequest, reply: FastifyReply, observer: HttpObserver): void {
  const startedMs = performance.now();
  reply.raw.once('close', () => {
    observer.answered({
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: reply.raw.writableFinished ? reply.statusCode : null,
      seconds: (performance.now() - startedMs) / 1000,
    });
    if (request.errorCode !== null) observer.refused(request.errorCode);
  });
}

/** Logs one line per HTTP request with these fields only: no URL, no header, no body. */
export function logRequests(app: App): void {
  app.addHook('onResponse', async (request, reply) => {
    const id = reply.getHeader('x-request-id');
    const code = request.errorCode ?? request.failureCode;
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        ...(request.project === null ? {} : { project: request.project.name }),
        ...(code === null ? {} : { code }),
        duration_ms: Math.round(reply.elapsedTime),
        ...(typeof id === 'string' ? { request_id: id } : {}),
      },
      'answered',
    );
  });
}
