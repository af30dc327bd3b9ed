import { z } from 'zod';
import { LaneSnapshot } from '../../domain/lane.ts';
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

/** The answer of `GET /v1/lanes`. */
export const LaneList = z
  .object({ object: z.literal('list'), data: z.array(LaneSnapshot) })
  .meta({ id: 'LaneList' });

/**
 * Adds `GET /v1/lanes`, which shows the lanes of this process's worker. Without a worker in this process there are none
 * to show. With API keys, a caller must not see the models of other projects. In both cases the path is unknown (404).
 */
export function laneRoutes(app: App, { lanes, access }: AppDependencies): void {
  if (lanes === null || access.kind === 'keys') return;
  app.get(
    '/v1/lanes',
    {
      schema: {
        operationId: 'listLanes',
        summary: 'The lanes of this process: how fast calls are let out, and how many requests wait',
        response: { 200: LaneList },
      },
    },
    async () => ({ object: 'list' as const, data: [...lanes()] }),
  );
}
