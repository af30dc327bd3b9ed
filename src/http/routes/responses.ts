import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Refusal } from '../../domain/refusal.ts';
import { NO_TERMS, type ProjectRequests, type StoredRequest, type Wait } from '../../domain/requests.ts';
import { projectOf } from '../access/authenticate.ts';
import type { ProjectLimiter } from '../access/project-limits.ts';
import { ACTION_REFUSALS, errorResponses, GET_REFUSALS } from '../answers/error-responses.ts';
import { pageOfInput } from '../answers/input-items.ts';
import { pollAfterSeconds } from '../answers/record.ts';
import { responseOfResult, responseWithoutResult, sendResponse } from '../answers/response-object.ts';
import { readOwnBody, readText } from '../answers/stored-text.ts';
import type { App, AppDependencies } from '../app-types.ts';
import { namedRequest, RecordParams, RecordQuery } from './requests.ts';
import { sendStreamOfResponse } from '../streams/create-stream.ts';
import { ResponseObject } from './schemas.ts';
import { resolveWait, untilClientDisconnects } from './wait.ts';

const ResponseQuery = RecordQuery.extend({
  stream: z
    .enum(['true', 'false'])
    .optional()
    .meta({ description: '`true`: the answer comes as events, live or again from the result.' }),
  starting_after: z
    .string()
    .regex(/^\d{1,15}$/, 'must be the sequence_number of an event')
    .transform(Number)
    .optional()
    .meta({ description: 'With `stream=true`: the number of the last event that is not wanted again.' }),
});

const ItemsQuery = z.object({
  after: z.string().optional().meta({ description: 'The id of the last item of the page before.' }),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'must be 1 to 100')
    .transform(Number)
    .pipe(z.number().min(1).max(100))
    .optional()
    .meta({ description: '1 to 100; 20 by default.' }),
  order: z.enum(['asc', 'desc']).optional().meta({ description: '`desc` by default, as at OpenAI.' }),
});

const ItemList = z
  .object({
    object: z.literal('list'),
    data: z.array(z.looseObject({ id: z.string() })),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'ResponseItemList' });

const DeletedResponse = z
  .object({ id: z.string(), object: z.literal('response'), deleted: z.literal(true) })
  .meta({ id: 'DeletedResponse' });

const DEFAULT_ITEMS = 20;
/** How long a cancellation is held for its end, which a worker reports within milliseconds in the same process. */
const CANCEL_WAIT_MS = 2_000;

/** Adds the routes of an existing Response: read it, cancel it, delete it, list its input. */
export function responseRoutes(
  app: App,
  { requests, wait, stopping, streamTimes }: AppDependencies,
  limiter: ProjectLimiter,
): void {
  /** @throws Refusal `request_not_found`, also for a request of another operation */
  async function read(
    request: Named,
    held: Pick<Wait, 'ms' | 'signal'> = { ms: 0, signal: stopping },
  ): Promise<{ readonly own: ProjectRequests; readonly id: string; readonly stored: StoredRequest }> {
    const { own, id } = namedRequest(requests, request);
    const stored = await own.read(id, { ...held, projectPlaces: limiter.waiters(projectOf(request)) });
    if (stored?.record.operation !== 'responses') throw new Refusal('request_not_found');
    return { own, id, stored };
  }

  async function send(
    reply: FastifyReply,
    own: ProjectRequests,
    stored: StoredRequest,
  ): Promise<FastifyReply> {
    const { record, result } = stored;
    const { id, created_at: createdAt, model, status, error, next_attempt_at, terminal } = record;
    const terms = stored.response ?? NO_TERMS;
    reply.header('x-request-id', id);
    if (result !== null) {
      return sendResponse(reply, responseOfResult(id, terms, await readText(reply, own, id, result)));
    }
    const body = await readOwnBody(reply, own, id);
    // The request was deleted between the two reads.
    if (body === null) throw new Refusal('request_not_found');
    if (!terminal) {
      reply.header('openai-poll-after-ms', String(pollAfterSeconds(next_attempt_at, Date.now()) * 1000));
    }
    return sendResponse(reply, responseWithoutResult({ id, createdAt, model, terms, status, error }, body));
  }

  app.get(
    '/v1/responses/:id',
    {
      schema: {
        operationId: 'getResponse',
        summary: 'Read a Response: queued, in progress, finished, failed or cancelled',
        params: RecordParams,
        querystring: ResponseQuery,
        response: { 200: ResponseObject, ...errorResponses([...GET_REFUSALS, 'stream_superseded']) },
      },
    },
    async (request, reply) => {
      const { stream, starting_after: startingAfter = null } = request.query;
      if (stream === 'true') {
        const { own, id } = namedRequest(requests, request);
        const hold = {
          signal: untilClientDisconnects(reply, stopping),
          projectPlaces: limiter.waiters(projectOf(request)),
        };
        return sendStreamOfResponse(reply, own, id, hold, startingAfter, streamTimes);
      }
      const { waitMs, applied } = resolveWait(
        { ...wait, defaultWaitSeconds: 0 },
        request.query.wait,
        request.headers['prefer']?.toString(),
      );
      const signal = untilClientDisconnects(reply, stopping);
      const { own, stored } = await read(request, { ms: waitMs, signal });
      if (applied !== null) reply.header('preference-applied', applied);
      return send(reply, own, stored);
    },
  );
  app.post(
    '/v1/responses/:id/cancel',
    {
      config: { bodyIsOptional: true },
      schema: {
        operationId: 'cancelResponse',
        summary: 'Cancel a Response; one that has ended is returned as it is',
        params: RecordParams,
        response: { 200: ResponseObject, ...errorResponses(ACTION_REFUSALS) },
      },
    },
    async (request, reply) => {
      const { own, id, stored } = await read(request);
      if (!stored.record.terminal) await own.cancel(id).catch(unlessEnded);
      const signal = untilClientDisconnects(reply, stopping);
      const after = stored.record.terminal
        ? stored
        : (await read(request, { ms: CANCEL_WAIT_MS, signal })).stored;
      return send(reply, own, after);
    },
  );
  app.delete(
    '/v1/responses/:id',
    {
      config: { bodyIsOptional: true },
      schema: {
        operationId: 'deleteResponse',
        summary: 'Delete a Response that has ended, with all its runs',
        params: RecordParams,
        response: { 200: DeletedResponse, ...errorResponses([...ACTION_REFUSALS, 'request_not_terminal']) },
      },
    },
    async (request, reply) => {
      const { own, id } = await read(request);
      if (!(await own.delete(id))) throw new Refusal('request_not_found');
      reply.header('x-request-id', id);
      return { id, object: 'response' as const, deleted: true as const };
    },
  );
  app.get(
    '/v1/responses/:id/input_items',
    {
      schema: {
        operationId: 'listInputItems',
        summary: "List the request's own input",
        params: RecordParams,
        querystring: ItemsQuery,
        response: { 200: ItemList, ...errorResponses(GET_REFUSALS) },
      },
    },
    async (request, reply) => {
      const { own, id } = await read(request);
      const body = await readOwnBody(reply, own, id);
      if (body === null) throw new Refusal('request_not_found');
      const { after, limit = DEFAULT_ITEMS, order = 'desc' } = request.query;
      reply.header('x-request-id', id);
      return pageOfInput(id, body, { after, limit, order });
    },
  );
}

type Named = Pick<FastifyRequest, 'project'> & { readonly params: { readonly id: string } };

/** A request that has ended meanwhile is not cancelled, and its caller sees how it ended. */
function unlessEnded(error: unknown): void {
  if (!(error instanceof Refusal) || error.code !== 'request_already_terminal') throw error;
}
