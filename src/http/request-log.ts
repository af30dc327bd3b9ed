import type { App } from './app.ts';

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
