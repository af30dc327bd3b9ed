import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { RetryOptions } from '../../domain/options.ts';
import { RequestRecord } from '../../domain/record.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { StoredRequest } from '../../domain/requests.ts';
import { admittedBy } from '../admission.ts';
import type { App, AppDependencies } from '../app.ts';
import { projectOf } from '../authentication.ts';
import type { ProjectLimiter } from '../project-limits.ts';
import { namedRequest } from '../named-request.ts';
import { recordPath } from '../polling.ts';
import { sendRecord } from '../record-answer.ts';
import { errorResponses } from '../schemas/error.ts';
import { RecordParams } from '../schemas/record-params.ts';
import { ACTION_REFUSALS } from '../schemas/refusals.ts';

/** What is to differ in the next run; no body, or an empty one, changes nothing. */
const RetryBody = z
  .strictObject({
    run: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        'The run that is to be followed: safe to send again, for where it was followed that run is the answer.',
      ),
    reqrun: RetryOptions.optional(),
  })
  .nullish();
const DeletedRequest = z
  .object({ id: z.string(), object: z.literal('request.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedRequest' });

/** What can be done to a request: cancel it, run it again, delete it. */
export function requestActionRoutes(app: App, { requests }: AppDependencies, limiter: ProjectLimiter): void {
  app.post(
    '/v1/requests/:id/cancel',
    {
      config: { bodyIsOptional: true },
      schema: {
        operationId: 'cancelRequest',
        summary: 'Cancel a request: its upstream call is aborted, and no other is made',
        params: RecordParams,
        response: {
          202: RequestRecord.describe('Accepted: it ends as cancelled, unless its answer was there already.'),
          ...errorResponses([...ACTION_REFUSALS, 'request_already_terminal']),
        },
      },
    },
    async (request, reply) => {
      const { own, id } = namedRequest(requests, request);
      return accepted(reply, await own.cancel(id));
    },
  );
  app.post(
    '/v1/requests/:id/retry',
    {
      ...admittedBy(limiter),
      config: { bodyIsOptional: true },
      schema: {
        operationId: 'retryRequest',
        summary: 'Run a failed or cancelled request again, as the next run of the same id',
        params: RecordParams,
        body: RetryBody,
        response: {
          202: RequestRecord.describe('The next run, also where another caller has just started it.'),
          ...errorResponses([
            ...ACTION_REFUSALS,
            'rate_limited',
            'too_many_in_flight',
            'unknown_field',
            'invalid_type',
            'invalid_value',
            'model_not_allowed',
            'request_already_completed',
            'request_not_terminal',
          ]),
        },
      },
    },
    async (request, reply) => {
      const { run = null, reqrun = {} } = request.body ?? {};
      const { limits, models } = projectOf(request);
      const retry = { run, options: reqrun, caps: limits.caps, models };
      const { own, id } = namedRequest(requests, request);
      return accepted(reply, await own.retry(id, retry));
    },
  );
  app.delete(
    '/v1/requests/:id',
    {
      config: { bodyIsOptional: true },
      schema: {
        operationId: 'deleteRequest',
        summary: 'Delete a terminal request with all its runs',
        params: RecordParams,
        response: { 200: DeletedRequest, ...errorResponses([...ACTION_REFUSALS, 'request_not_terminal']) },
      },
    },
    async (request, reply) => {
      const { own, id } = namedRequest(requests, request);
      if (!(await own.delete(id))) throw new Refusal('request_not_found');
      reply.header('x-request-id', id);
      return { id, object: 'request.deleted' as const, deleted: true as const };
    },
  );
}

function accepted(reply: FastifyReply, stored: StoredRequest | null): FastifyReply {
  if (stored === null) throw new Refusal('request_not_found');
  return sendRecord(reply.code(202).header('location', recordPath(stored.record.id)), stored);
}
