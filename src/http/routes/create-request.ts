import type { FastifyReply } from 'fastify';
import { type Operation, OPERATION_NAMES, OPERATIONS } from '../../domain/operations.ts';
import { type Project, requireAllowed } from '../../domain/project.ts';
import type { AsyncRequest } from '../../domain/record.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { Acceptance, PendingRun } from '../../domain/requests.ts';
import { projectOf } from '../access/authenticate.ts';
import { admittedBy, type ProjectLimiter } from '../access/project-limits.ts';
import { errorResponses, FAILURE_CODES, POST_REFUSALS } from '../answers/error-responses.ts';
import { sendFailure } from '../answers/errors.ts';
import { pollAfterSeconds, recordPath } from '../answers/record.ts';
import type { App, AppDependencies, WaitSettings } from '../app-types.ts';
import { readIdempotencyKey, toNewRequest } from './new-request.ts';
import { OPERATION_SCHEMAS } from './schemas.ts';
import { resolveWait, untilClientDisconnects } from './wait.ts';

/** Adds the POST route of every operation: OpenAI's call, made durable. */
export function createRequestRoutes(app: App, dependencies: AppDependencies, limiter: ProjectLimiter): void {
  for (const operation of OPERATION_NAMES) createRequestRoute(app, operation, dependencies, limiter);
}

function createRequestRoute(
  app: App,
  operation: Operation,
  { requests, wait, stopping }: AppDependencies,
  limiter: ProjectLimiter,
): void {
  const { path, streams } = OPERATIONS[operation];
  const { operationId, summary, body: bodySchema, answer, accepted } = OPERATION_SCHEMAS[operation];
  app.post(
    path,
    {
      ...admittedBy(limiter),
      schema: {
        operationId,
        summary,
        body: bodySchema,
        response: {
          200: answer.describe("Completed within the wait: the upstream's own bytes."),
          202: accepted.describe('Accepted and not finished: read the record.'),
          ...errorResponses([...POST_REFUSALS, ...FAILURE_CODES]),
        },
      },
    },
    async (request, reply) => {
      const { body, jsonBody } = request;
      const project = projectOf(request);
      if (jsonBody === null) throw new Refusal('invalid_json');
      requireAllowed(project.models, body.model);
      if (streams && body['stream'] === true) throw new Refusal('stream_not_supported', { param: 'stream' });
      const key = readIdempotencyKey(request.raw, body.idempotency_key, {
        project: project.name,
        isSigned: request.signed !== null,
      });
      const { waitMs, applied } = resolveWait(
        waitOf(project, wait),
        body.wait,
        request.headers['prefer']?.toString(),
      );
      const asked = toNewRequest({
        operation,
        key,
        signed: request.signed,
        body,
        jsonBody,
        project,
        receivedAtMs: Date.now(),
      });
      const acceptance = await requests.forProject(project.name).submit(asked, {
        ms: waitMs,
        signal: untilClientDisconnects(reply, stopping),
        projectPlaces: limiter.waiters(project),
      });
      reply.header('x-request-id', acceptance.id);
      if (acceptance.replayed) reply.header('idempotent-replayed', 'true');
      if (applied !== null) reply.header('preference-applied', applied);
      return sendAcceptance(reply, operation, body.model, acceptance);
    },
  );
}

function waitOf({ defaultWaitSeconds }: Project, wait: WaitSettings): WaitSettings {
  return defaultWaitSeconds === null ? wait : { ...wait, defaultWaitSeconds };
}

function sendAcceptance(
  reply: FastifyReply,
  operation: Operation,
  model: string,
  { id, createdAt, run }: Acceptance,
): FastifyReply {
  switch (run.kind) {
    case 'completed':
      return reply.code(200).type('application/json; charset=utf-8').send(Buffer.from(run.result));
    case 'failed':
      return sendFailure(reply.header('location', recordPath(id)), run.error);
    case 'pending':
      return reply
        .code(202)
        .header('location', recordPath(id))
        .header('retry-after', String(pollAfterSeconds(run.nextAttemptAt, Date.now())))
        .send(toAsyncRequest(operation, id, createdAt, model, run));
  }
}

function toAsyncRequest(
  operation: Operation,
  id: string,
  createdAt: string,
  model: string,
  run: PendingRun,
): AsyncRequest {
  return {
    id,
    object: OPERATIONS[operation].asyncObject,
    status: run.status,
    created: Math.floor(Date.parse(createdAt) / 1000),
    model,
    attempts: run.attempts,
    last_error_code: run.lastErrorCode,
    next_attempt_at: run.nextAttemptAt,
    request_url: recordPath(id),
  };
}
