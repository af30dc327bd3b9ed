import { z } from 'zod';
import { RequestRecord } from '../../domain/record.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { App, AppDependencies } from '../app.ts';
import { projectOf } from '../authentication.ts';
import { untilCallerLeaves } from '../caller.ts';
import { namedRequest } from '../named-request.ts';
import type { ProjectLimiter } from '../project-limits.ts';
import { sendRecord } from '../record-answer.ts';
import { errorResponses } from '../schemas/error.ts';
import { RecordParams } from '../schemas/record-params.ts';
import { GET_REFUSALS } from '../schemas/refusals.ts';
import { resolveWait } from '../wait.ts';

const RecordQuery = z.object({
  wait: z
    .string()
    .regex(/^(true|false|\d{1,4}(\.\d{1,3})?)$/, 'must be true, false or seconds')
    .transform((text) => (text === 'true' ? true : text === 'false' ? false : Number(text)))
    .pipe(z.union([z.boolean(), z.number().max(3600)]))
    .optional()
    .meta({ description: 'Hold the answer until the request is terminal, at most so many seconds.' }),
});

/** `GET /v1/requests/{id}`: the record. */
export function requestRoutes(
  app: App,
  { requests, wait, stopping }: AppDependencies,
  limiter: ProjectLimiter,
): void {
  app.get(
    '/v1/requests/:id',
    {
      schema: {
        operationId: 'getRequest',
        summary: 'Read a request record',
        params: RecordParams,
        querystring: RecordQuery,
        response: { 200: RequestRecord, ...errorResponses(GET_REFUSALS) },
      },
    },
    async (request, reply) => {
      const { own, id } = namedRequest(requests, request);
      const settings = { ...wait, defaultWaitSeconds: 0 };
      const { waitMs, applied } = resolveWait(
        settings,
        request.query.wait,
        request.headers['prefer']?.toString(),
      );
      const signal = untilCallerLeaves(reply, stopping);
      const stored = await limiter.holding(projectOf(request), waitMs, (ms) => own.read(id, { ms, signal }));
      if (stored === null) throw new Refusal('request_not_found');
      if (applied !== null) reply.header('preference-applied', applied);
      return sendRecord(reply, stored);
    },
  );
}
