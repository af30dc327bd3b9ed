import type { FastifyReply } from 'fastify';
import { type Operation, OPERATION_NAMES, OPERATIONS } from '../../domain/operations.ts';
import type { Project } from '../../domain/project.ts';
import type { AsyncRequest } from '../../domain/record.ts';
import type { Acceptance, PendingRun } from '../../domain/requests.ts';
import { projectOf } from '../access/authenticate.ts';
import { enterIntake, forgetBody, placeOf } from '../access/intake.ts';
import { admittedBy, type ProjectLimiter } from '../access/project-limits.ts';
import { errorResponses, FAILURE_CODES, POST_REFUSALS } from '../answers/error-responses.ts';
import { sendFailure } from '../answers/errors.ts';
import { nameAcceptance, pollAfterSeconds, recordPath } from '../answers/record.ts';
import { sendText } from '../answers/stored-text.ts';
import type { App, AppDependencies, WaitSettings } from '../app-types.ts';
import { asksForUsage, sendNewStream } from '../streams/create-stream.ts';
import { readNewRequest } from './new-request.ts';
import { OPERATION_SCHEMAS } from './schemas.ts';
import { resolveWait, untilClientDisconnects } from './wait.ts';

/** Adds the POST route of every operation but responses: OpenAI's call, made durable. */
export function createRequestRoutes(app: App, dependencies: AppDependencies, limiter: ProjectLimiter): void {
  for (const operation of OPERATION_NAMES) {
    if (operation !== 'responses') createRequestRoute(app, operation, dependencies, limiter);
  }
}

function createRequestRoute(
  app: App,
  operation: Operation,
  { requests, wait, stopping, streamTimes, maxBodyBytes }: AppDependencies,
  limiter: ProjectLimiter,
): void {
  const { path } = OPERATIONS[operation];
  const { operationId, summary, body: bodySchema, answer, accepted } = OPERATION_SCHEMAS[operation];
  app.post(
    path,
    {
      ...admittedBy(limiter, enterIntake(requests)),
      bodyLimit: maxBodyBytes,
      config: { operation },
      schema: {
        operationId,
        summary,
        body: bodySchema,
        response: {
          200: answer.describe(
            "Completed within the wait: the upstream's own bytes. With `stream: true`, OpenAI's events.",
          ),
          202: accepted.describe('Accepted and not finished: read the record.'),
          ...errorResponses([...POST_REFUSALS, ...FAILURE_CODES]),
        },
      },
    },
    async (request, reply) => {
      const project = projectOf(request);
      const place = placeOf(request);
      const asked = readNewRequest(operation, request);
      const prefer = request.headers['prefer']?.toString();
      const { waitMs, applied } = resolveWait(waitOf(project, wait), request.body.wait, prefer);
      const usage = asksForUsage(request.body);
      place.hasBody(asked.body.byteLength);
      forgetBody(request);
      const own = requests.forProject(project.name);
      const hold = {
        signal: untilClientDisconnects(reply, stopping),
        projectPlaces: limiter.waiters(project),
      };
      if (asked.stream) return sendNewStream(reply, own, { asked, place, hold, usage }, streamTimes);
      const acceptance = await own.submit(asked, { ...hold, ms: waitMs }, place);
      nameAcceptance(reply, acceptance, applied);
      const { run } = acceptance;
      if (run.kind === 'completed') return sendText(reply, own, acceptance.id, run.result);
      return sendAcceptance(reply, operation, asked.model, { ...acceptance, run });
    },
  );
}

function waitOf({ defaultWaitSeconds }: Project, wait: WaitSettings): WaitSettings {
  return defaultWaitSeconds === null ? wait : { ...wait, defaultWaitSeconds };
}

/** A request that has no result. */
interface Unfinished extends Acceptance {
  readonly run: Exclude<Acceptance['run'], { readonly kind: 'completed' }>;
}

function sendAcceptance(
  reply: FastifyReply,
  operation: Operation,
  model: string | null,
  { id, createdAt, run }: Unfinished,
): FastifyReply {
  switch (run.kind) {
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
  model: string | null,
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
