import swagger from '@fastify/swagger';
import Fastify, { LogController } from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { createServer } from 'node:http';
import manifest from '../../package.json' with { type: 'json' };
import { authenticate } from './access/authenticate.ts';
import { decorateIntake } from './access/intake.ts';
import { createProjectLimiter } from './access/project-limits.ts';
import { createSignatures } from './access/request-signatures.ts';
import { handleErrors } from './answers/errors.ts';
import { logRequests, observeAnswer, observeAnswers } from './answers/log-and-metrics.ts';
import { acceptJson } from './body/accept-json.ts';
import { validatorCompiler } from './body/validation.ts';
import { createRequestTurns, limitConnections } from './edge/connection-limit.ts';
import { checkRequestHeads, createMalformedRequests } from './edge/malformed-requests.ts';
import { collectPaths, refuseOtherMethods } from './edge/method-not-allowed.ts';
import { SECURITY_HEADERS, sendSecurityHeaders } from './edge/security-headers.ts';
import { dropSlowReaders } from './edge/slow-readers.ts';
import { createRequestRoutes } from './routes/create-request.ts';
import { createResponseRoute } from './routes/create-response.ts';
import { healthRoutes, laneRoutes } from './routes/health.ts';
import { responseRoutes } from './routes/responses.ts';
import { modelRoutes } from './routes/models.ts';
import { requestActionRoutes, requestRoutes } from './routes/requests.ts';
import type { AppDependencies, App } from './app-types.ts';

/** Time for a head, and for a request with a body of up to 1 MiB. */
const RECEIVE_TIMEOUT_MS = 25_000;
/** Further time where larger bodies are accepted: a caller must send 1 MiB a second. */
const RECEIVE_MS_PER_MIB = 1_000;
const MIB = 1024 * 1024;
const SLOW_READERS = { timeoutMs: 60_000, maxBytes: 256 * MIB };
/** Limit for the bodies of all routes but those that create requests. They are read in the usual way. */
const ACTION_BODY_BYTES = MIB;
/** Longer than the 60 s after which common proxies close idle connections. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** Maximum length of a path parameter: an id of 255 characters, each percent-encoded. */
const MAX_PARAM_LENGTH = 255 * 3;

/** Builds the HTTP API. It does not listen and does not connect to Temporal. */
export async function buildApp(dependencies: AppDependencies): Promise<App> {
  const { receiveTimeoutMs = receiveTimeoutFor(dependencies.maxBodyBytes), observer } = dependencies;
  const headTimeoutMs = Math.min(receiveTimeoutMs, RECEIVE_TIMEOUT_MS);
  const turns = createRequestTurns();
  const malformedRequests = createMalformedRequests(observer, turns);
  const serverOptions = {
    requestTimeout: receiveTimeoutMs,
    headersTimeout: headTimeoutMs,
    connectionsCheckingInterval: headTimeoutMs / 5,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requireHostHeader: false,
  };
  const app: App = Fastify({
    loggerInstance: dependencies.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: Math.min(dependencies.maxBodyBytes, ACTION_BODY_BYTES),
    serverFactory: (handle) => createServer(serverOptions, turns.listener(handle)),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    clientErrorHandler: malformedRequests.answer,
    frameworkErrors: (error, request, reply) => {
      if (observer !== null) observeAnswer(request, reply, observer);
      void handleErrors.answer(error, reply.headers(SECURITY_HEADERS));
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  if (observer !== null) observeAnswers(app, observer);
  handleErrors(app);
  sendSecurityHeaders(app);
  limitConnections(app, dependencies.maxConnections);
  turns.refuseExcess(app);
  dropSlowReaders(app, dependencies.slowReaders ?? SLOW_READERS);
  checkRequestHeads(app);
  malformedRequests.watch(app);
  authenticate(app, dependencies.access, createSignatures(dependencies.now ?? Date.now));
  acceptJson(app);
  decorateIntake(app);
  logRequests(app);
  const paths = collectPaths(app);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'ReqRun', version: manifest.version, description: 'One LLM request, made durable.' },
      components: {
        securitySchemes: {
          apiKey: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A key made with --signed also needs X-ReqRun-Timestamp, X-ReqRun-Nonce and X-ReqRun-Signature.',
          },
        },
      },
      // The empty entry stands for a service without API keys.
      security: [{ apiKey: [] }, {}],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  const limiter = createProjectLimiter();
  createRequestRoutes(app, dependencies, limiter);
  createResponseRoute(app, dependencies, limiter);
  responseRoutes(app, dependencies, limiter);
  modelRoutes(app, dependencies);
  requestRoutes(app, dependencies, limiter);
  requestActionRoutes(app, dependencies, limiter);
  laneRoutes(app, dependencies);
  healthRoutes(app, dependencies);
  refuseOtherMethods(app, paths);
  return app;
}

function receiveTimeoutFor(maxBodyBytes: number): number {
  const moreMs = Math.max(0, maxBodyBytes / MIB - 1) * RECEIVE_MS_PER_MIB;
  // Node takes whole milliseconds only.
  return RECEIVE_TIMEOUT_MS + Math.ceil(moreMs);
}
