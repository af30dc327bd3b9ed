import type { FastifyReply } from 'fastify';
import { overloaded } from '../../domain/limit.ts';
import { type Project, requireAllowed } from '../../domain/project.ts';
import {
  type AsyncChatCompletion,
  AsyncChatCompletion as AsyncChatCompletionSchema,
} from '../../domain/record.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { Acceptance, PendingRun } from '../../domain/requests.ts';
import { projectOf } from '../access/authenticate.ts';
import { admittedBy, type ProjectLimiter } from '../access/project-limits.ts';
import { errorResponses, FAILURE_CODES, POST_REFUSALS } from '../answers/error-responses.ts';
import { sendFailure } from '../answers/errors.ts';
import { pollAfterSeconds, recordPath } from '../answers/record.ts';
import { readIdempotencyKey, toNewRequest } from './new-request.ts';
import { ChatCompletion, ChatCompletionBody } from './schemas.ts';
import { resolveWait, untilClientDisconnects } from './wait.ts';
import type { App, AppDependencies, WaitSettings } from '../app-types.ts';

/** `POST /v1/chat/completions`: OpenAI's call, made durable. */
export function chatCompletionRoutes(
  app: App,
  { requests, wait, stopping, accepting }: AppDependencies,
  limiter: ProjectLimiter,
): void {
  const admitted = admittedBy(limiter);
  app.post(
    '/v1/chat/completions',
    {
      ...admitted,
      onRequest: [
        async () => {
          if (accepting.isFull()) throw overloaded();
        },
        admitted.onRequest,
      ],
      schema: {
        operationId: 'createChatCompletion',
        summary: 'Create a durable chat completion',
        body: ChatCompletionBody,
        response: {
          200: ChatCompletion.describe("Completed within the wait: the upstream's own bytes."),
          202: AsyncChatCompletionSchema.describe('Accepted and not finished: GET the record.'),
          ...errorResponses([...POST_REFUSALS, ...FAILURE_CODES]),
        },
      },
    },
    async (request, reply) => {
      const { body, jsonBody } = request;
      const project = projectOf(request);
      if (jsonBody === null) throw new Refusal('invalid_json');
      requireAllowed(project.models, body.model);
      if (body.stream === true) throw new Refusal('stream_not_supported', { param: 'stream' });
      const key = readIdempotencyKey(request.raw, body.idempotency_key, {
        project: project.name,
        isSigned: request.signed !== null,
      });
      const { waitMs, applied } = resolveWait(
        waitOf(project, wait),
        body.wait,
        request.headers['prefer']?.toString(),
      );
      const asked = toNewRequest({ key, signed: request.signed, body, jsonBody, project });
      const signal = untilClientDisconnects(reply, stopping);
      const acceptance = await limiter.holding(project, waitMs, (ms) =>
        requests.forProject(project.name).submit(asked, { ms, signal }),
      );
      reply.header('x-request-id', acceptance.id);
      if (acceptance.replayed) reply.header('idempotent-replayed', 'true');
      if (applied !== null) reply.header('preference-applied', applied);
      return sendAcceptance(reply, acceptance, body.model);
    },
  );
}

function waitOf({ defaultWaitSeconds }: Project, wait: WaitSettings): WaitSettings {
  return defaultWaitSeconds === null ? wait : { ...wait, defaultWaitSeconds };
}

function sendAcceptance(
  reply: FastifyReply,
  { id, createdAt, run }: Acceptance,
  model: string,
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
        .send(toAsyncChatCompletion(id, createdAt, model, run));
  }
}

function toAsyncChatCompletion(
  id: string,
  createdAt: string,
  model: string,
  run: PendingRun,
): AsyncChatCompletion {
  return {
    id,
    object: 'chat.completion.async',
    status: run.status,
    created: Math.floor(Date.parse(createdAt) / 1000),
    model,
    attempts: run.attempts,
    last_error_code: run.lastErrorCode,
    next_attempt_at: run.nextAttemptAt,
    request_url: recordPath(id),
  };
}
