import { z } from 'zod';
import { Refusal } from '../../domain/refusal.ts';
import { errorResponses } from '../answers/error-responses.ts';
import type { App, AppDependencies } from '../app-types.ts';

const Health = z.object({ status: z.literal('ok') }).meta({ id: 'Health' });

/** Adds the routes for liveness, readiness and the OpenAPI description. */
export function healthRoutes(app: App, { requests, stopping }: AppDependencies): void {
  app.get(
    '/healthz',
    {
      config: { isHealth: true, isPublic: true },
      schema: { operationId: 'getHealth', summary: 'The process is running', response: { 200: Health } },
    },
    async () => ({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      config: { isHealth: true, isPublic: true },
      schema: {
        operationId: 'getReadiness',
        summary: 'Requests can be accepted: Temporal answers and the process is not stopping',
        response: { 200: Health, ...errorResponses(['service_unavailable']) },
      },
    },
    async () => {
      if (stopping.aborted) throw new Refusal('service_unavailable', { message: 'The process is stopping.' });
      if (!(await requests.reachable())) throw new Refusal('service_unavailable', { retryAfterSeconds: 2 });
      return { status: 'ok' as const };
    },
  );
  app.get('/openapi.json', { config: { isPublic: true }, schema: { hide: true } }, async () => app.swagger());
}
