import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { createLimit, enter } from '../../domain/limit.ts';
import { requireAllowed } from '../../domain/project.ts';
import { isObject } from '../../domain/raw-json.ts';
import { passingErrorOf } from '../../domain/run-end.ts';
import { Retry, type UpstreamFailure } from '../../domain/upstream-failure.ts';
import type { ModelsAnswer } from '../../domain/upstream-models.ts';
import { projectOf } from '../access/authenticate.ts';
import { errorResponses, FAILURE_CODES, MODEL_REFUSALS } from '../answers/error-responses.ts';
import { sendFailure } from '../answers/errors.ts';
import type { App, AppDependencies } from '../app-types.ts';
import { untilClientDisconnects } from './wait.ts';

/** The longest wait for the upstream. A list of models takes well under a second. */
const TIMEOUT_MS = 10_000;
/** Calls at once. Nothing else limits them, because they are no requests. */
const AT_ONCE = 50;

const Model = z.looseObject({ id: z.string() }).meta({ id: 'Model' });
const ModelList = z.looseObject({ data: z.array(z.looseObject({})) }).meta({ id: 'ModelList' });
const ModelParams = z.object({ id: z.string().describe('The model.') });
/** A model whose name holds slashes, from a client that does not encode them in paths. */
const SlashedParams = z.object({ '*': z.string() });

/**
 * Adds `GET /v1/models` and `GET /v1/models/{id}`, which ask the project's upstream. They are not durable. Tools use
 * them to test a base URL.
 */
export function modelRoutes(app: App, { models, access, stopping }: AppDependencies): void {
  const places = createLimit(AT_ONCE);

  async function ask(
    request: FastifyRequest,
    reply: FastifyReply,
    model: string | null,
  ): Promise<ModelsAnswer> {
    const place = enter(places);
    const ended = AbortSignal.any([untilClientDisconnects(reply, stopping), AbortSignal.timeout(TIMEOUT_MS)]);
    const of = { project: projectOf(request).name, is_keyed: access.kind === 'keys' };
    return models.models(of, model, ended).finally(() => place.leave());
  }

  const errors = errorResponses([...MODEL_REFUSALS, ...FAILURE_CODES]);
  app.get(
    '/v1/models',
    {
      schema: {
        operationId: 'listModels',
        summary: "List the models of the project's upstream",
        response: { 200: ModelList, ...errors },
      },
    },
    async (request, reply) => {
      const answer = await ask(request, reply, null);
      if (answer.kind === 'failed') return sendPassing(reply, answer.failure);
      const { models: allowed } = projectOf(request);
      return sendJson(reply, allowed === null ? answer.bytes : onlyAllowed(answer.json, allowed));
    },
  );
  async function describe(
    request: FastifyRequest,
    reply: FastifyReply,
    model: string,
  ): Promise<FastifyReply> {
    requireAllowed(projectOf(request).models, model);
    const answer = await ask(request, reply, model);
    return answer.kind === 'failed' ? sendPassing(reply, answer.failure) : sendJson(reply, answer.bytes);
  }
  app.get(
    '/v1/models/:id',
    {
      schema: {
        operationId: 'getModel',
        summary: "Describe a model of the project's upstream",
        params: ModelParams,
        response: { 200: Model, ...errors },
      },
    },
    async (request, reply) => describe(request, reply, request.params.id),
  );
  app.get('/v1/models/*', { schema: { hide: true, params: SlashedParams } }, async (request, reply) =>
    describe(request, reply, request.params['*']),
  );
}

function onlyAllowed(list: Readonly<Record<string, unknown>>, allowed: readonly string[]): Uint8Array {
  const isAllowed = (entry: unknown): boolean =>
    isObject(entry) && typeof entry['id'] === 'string' && allowed.includes(entry['id']);
  const data = Array.isArray(list['data']) ? list['data'].filter(isAllowed) : [];
  return Buffer.from(JSON.stringify({ ...list, data }));
}

function sendJson(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(Buffer.from(bytes));
}

/** Unlike a recorded failure, this one may pass: then the official SDKs send the call again. */
function sendPassing(reply: FastifyReply, failure: UpstreamFailure): FastifyReply {
  const error = passingErrorOf(failure);
  const explained = failure.code === 'configuration_error' ? { ...error, message: NOT_CONFIGURED } : error;
  return sendFailure(reply, explained, { mayRetry: failure.retry !== Retry.never });
}

const NOT_CONFIGURED =
  "The API process has no usable upstream for this project. Where API and workers are apart, give it the workers' OPENAI_* variables and files too.";
