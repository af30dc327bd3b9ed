import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App, HttpObserver } from '../app-types.ts';

/** Tells of every request that gets a route, or none; to be called before any other hook could refuse it. */
export function observeAnswers(app: App, observer: HttpObserver): void {
  app.addHook('onRequest', (request, reply, done) => {
    observeAnswer(request, reply, observer);
    done();
  });
}

/** Tells of one request when its answer is over. A caller that leaves sees no answer, but is told of all the same. */
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

/** One line per HTTP request, of listed fields only: no URL, no header, no body. */
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
