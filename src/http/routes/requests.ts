import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RetryOptions } from '../../domain/options.ts';
import { RequestRecord } from '../../domain/record.ts';
import { Refusal } from '../../domain/refusal.ts';
import { isRequestId } from '../../domain/request-id.ts';
import type { ProjectRequests, Requests, StoredRequest } from '../../domain/requests.ts';
import { projectOf } from '../access/authenticate.ts';
import { admittedBy, type ProjectLimiter } from '../access/project-limits.ts';
import { ACTION_REFUSALS, errorResponses, GET_REFUSALS } from '../answers/error-responses.ts';
import { recordPath, sendRecord } from '../answers/record.ts';
import { resolveWait, untilClientDisconnects } from './wait.ts';
import type { App, AppDependencies } from '../app-types.ts';

/** The path parameters of a record. */
export const RecordParams = z.object({
  id: z.string().describe('The record id, which is the idempotency key.'),
});

/** How a record is read. */
export const RecordQuery = z.object({
  wait: z
    .string()
    .regex(/^(true|false|\d{1,4}(\.\d{1,3})?)$/, 'must be true, false or seconds')
    .transform((text) => (text === 'true' ? true : text === 'false' ? false : Number(text)))
    .pipe(z.union([z.boolean(), z.number().max(3600)]))
    .optional()
    .meta({ description: 'Hold the answer until the request is terminal, at most this many seconds.' }),
});

const RequestQuery = RecordQuery.extend({
  result: z.enum(['true', 'false']).optional().meta({
    description: '`false`: the record without its result, which may be large. `result` is then null.',
  }),
});

/** Adds `GET /v1/requests/{id}`, which returns the record. */
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
        querystring: RequestQuery,
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
      const stored = await own.read(id, {
        ms: waitMs,
        signal: untilClientDisconnects(reply, stopping),
        projectPlaces: limiter.waiters(projectOf(request)),
      });
      if (stored === null) throw new Refusal('request_not_found');
      if (applied !== null) reply.header('preference-applied', applied);
      const isLeftOut = request.query.result === 'false';
      return sendRecord(reply, isLeftOut ? { ...stored, result: null } : stored, own);
    },
  );
}

/** The optional body of a retry by hand. No body, or an empty one, keeps the options of the last run. */
const RetryBody = z
  .strictObject({
    run: z
      .number()
      .int()
      .min(1)
      .optional()
      .describe(
        'The run to retry. Makes the call safe to repeat: when a later run exists already, it is returned.',
      ),
    reqrun: RetryOptions.optional(),
  })
  .nullish();
const DeletedRequest = z
  .object({ id: z.string(), object: z.literal('request.deleted'), deleted: z.literal(true) })
  .meta({ id: 'DeletedRequest' });

/** Adds the routes that act on a request: cancel it, retry it, delete it. */
export function requestActionRoutes(app: App, { requests }: AppDependencies, limiter: ProjectLimiter): void {
  app.post(
    '/v1/requests/:id/cancel',
    {
      config: { bodyIsOptional: true },
      schema: {
        operationId: 'cancelRequest',
        summary: 'Cancel a request: its upstream call is aborted and no further call is made',
        params: RecordParams,
        response: {
          200: RequestRecord.describe('The request was already cancelled.'),
          202: RequestRecord.describe(
            'Accepted: the request ends as cancelled, unless its result has already arrived.',
          ),
          ...errorResponses([...ACTION_REFUSALS, 'request_already_terminal']),
        },
      },
    },
    async (request, reply) => {
      const { own, id } = namedRequest(requests, request);
      const cancelled = await own.cancel(id);
      if (cancelled === null) throw new Refusal('request_not_found');
      return cancelled.isNew
        ? accepted(reply, cancelled.stored, own)
        : sendRecord(reply, cancelled.stored, own);
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
          202: RequestRecord.describe('The next run, also when another caller started it.'),
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
      return accepted(reply, await own.retry(id, retry), own);
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

async function accepted(
  reply: FastifyReply,
  stored: StoredRequest | null,
  own: ProjectRequests,
): Promise<FastifyReply> {
  if (stored === null) throw new Refusal('request_not_found');
  return sendRecord(reply.code(202).header('location', recordPath(stored.record.id)), stored, own);
}

/**
 * The requests of the caller's project, and the id that the path names.
 *
 * @throws Refusal `request_not_found` for a text that cannot be an id in this project; it is not looked up
 */
export function namedRequest(
  requests: Requests,
  request: Pick<FastifyRequest, 'project'> & { readonly params: { readonly id: string } },
): { readonly own: ProjectRequests; readonly id: string } {
  const { name } = projectOf(request);
  const { id } = request.params;
  if (!isRequestId(id, name)) throw new Refusal('request_not_found');
  return { own: requests.forProject(name), id };
}
