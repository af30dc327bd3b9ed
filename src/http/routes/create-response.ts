import type { FastifyReply } from 'fastify';
import { editMembers } from '../../domain/json-members.ts';
import { OPERATIONS } from '../../domain/operations.ts';
import { INLINE_BYTES } from '../../domain/raw-json.ts';
import { Refusal } from '../../domain/refusal.ts';
import { isRequestId } from '../../domain/request-id.ts';
import { NewBody } from '../../domain/request-text.ts';
import {
  type Acceptance,
  type NewRequest,
  NO_TERMS,
  type ProjectRequests,
  type Wait,
} from '../../domain/requests.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import { projectOf } from '../access/authenticate.ts';
import { enterIntake, forgetBody, placeOf } from '../access/intake.ts';
import { admittedBy, type ProjectLimiter } from '../access/project-limits.ts';
import { errorResponses, FAILURE_CODES, RESPONSE_POST_REFUSALS } from '../answers/error-responses.ts';
import { sendFailure } from '../answers/errors.ts';
import { nameAcceptance, pollAfterSeconds } from '../answers/record.ts';
import {
  responseOfResult,
  responsePath,
  responseWithoutResult,
  sendResponse,
} from '../answers/response-object.ts';
import { readOwnBody, readText } from '../answers/stored-text.ts';
import type { App, AppDependencies } from '../app-types.ts';
import { sendNewStream } from '../streams/create-stream.ts';
import { readNewRequest } from './new-request.ts';
import { OPERATION_SCHEMAS } from './schemas.ts';
import { resolveWait, untilClientDisconnects } from './wait.ts';

/** Adds `POST /v1/responses`: OpenAI's background protocol, over any upstream that has responses. */
export function createResponseRoute(
  app: App,
  { requests, wait, stopping, streamTimes, maxBodyBytes }: AppDependencies,
  limiter: ProjectLimiter,
): void {
  const { operationId, summary, body: bodySchema, answer } = OPERATION_SCHEMAS.responses;
  app.post(
    OPERATIONS.responses.path,
    {
      ...admittedBy(limiter, enterIntake(requests)),
      bodyLimit: maxBodyBytes,
      config: { operation: 'responses' },
      schema: {
        operationId,
        summary,
        body: bodySchema,
        response: {
          200: answer.describe(
            "The finished Response: the upstream's own bytes, with the id of the request. With `background: true` the Response as it stands. With `stream: true`, OpenAI's events.",
          ),
          202: answer.describe('The call named a wait, which is over: the Response as it stands.'),
          ...errorResponses([...RESPONSE_POST_REFUSALS, ...FAILURE_CODES]),
        },
      },
    },
    async (request, reply) => {
      const project = projectOf(request);
      const place = placeOf(request);
      const own = requests.forProject(project.name);
      const read = readNewRequest('responses', request);
      const isBackground = read.response?.background === true;
      // A caller that names no wait and no background takes any 2xx for the finished Response.
      const defaultWaitSeconds = isBackground ? 0 : wait.maxWaitSeconds;
      const prefer = request.headers['prefer']?.toString();
      const { waitMs, applied, isNamed } = resolveWait(
        { ...wait, defaultWaitSeconds },
        request.body.wait,
        prefer,
      );
      place.hasBody(read.body.byteLength);
      forgetBody(request);
      const projectPlaces = limiter.waiters(project);
      const asked = await translatePrevious(own, project.name, read, {
        ms: 0,
        signal: stopping,
        projectPlaces,
      });
      const { model } = asked;
      const hold = { signal: untilClientDisconnects(reply, stopping), projectPlaces };
      if (asked.stream) return sendNewStream(reply, own, { asked, place, hold, usage: true }, streamTimes);
      const body = isBackground && asked.body.byteLength <= INLINE_BYTES ? asked.body.bytes : null;
      const acceptance = await own.submit(asked, { ...hold, ms: waitMs }, place);
      nameAcceptance(reply, acceptance, applied);
      return sendAccepted(reply, own, { model, isBackground, isNamed, body }, acceptance);
    },
  );
}

/** How the caller asked to be answered. */
interface Asked {
  readonly model: string | null;
  readonly isBackground: boolean;
  /** What a Response without a result repeats. Null = not kept, because a held call keeps no body in memory. */
  readonly body: Uint8Array | null;
  /** The call named a wait, so its caller understands a 202. */
  readonly isNamed: boolean;
}

async function sendAccepted(
  reply: FastifyReply,
  own: ProjectRequests,
  { model, isBackground, isNamed, body }: Asked,
  { id, createdAt, run, response }: Acceptance,
): Promise<FastifyReply> {
  const terms = response ?? NO_TERMS;
  if (run.kind === 'completed') {
    return sendResponse(reply, responseOfResult(id, terms, await readText(reply, own, id, run.result)));
  }
  reply.header('location', responsePath(id));
  // If Temporal does not answer now, the fields of the request are not repeated.
  const readBody = async (): Promise<Uint8Array> =>
    body ?? (await readOwnBody(reply, own, id).catch(() => null)) ?? NO_BODY;
  if (run.kind === 'failed') {
    if (!isBackground) return sendFailure(reply, run.error);
    const status = run.error.code === 'request_cancelled' ? RequestStatus.cancelled : RequestStatus.failed;
    const ended = { id, createdAt, model, terms, status, error: run.error };
    return sendResponse(reply, responseWithoutResult(ended, await readBody()));
  }
  if (!isBackground && !isNamed) {
    throw new Refusal('response_not_ready', { requestId: id, shouldRetry: false });
  }
  const seconds = pollAfterSeconds(run.nextAttemptAt, Date.now());
  reply.header('openai-poll-after-ms', String(seconds * 1000));
  if (!isBackground) reply.code(202).header('retry-after', String(seconds));
  const pending = { id, createdAt, model, terms, status: run.status, error: null };
  return sendResponse(reply, responseWithoutResult(pending, await readBody()));
}

const NO_BODY = new Uint8Array();

/**
 * Translates a `previous_response_id` that names one of the project's own requests to the upstream's id. Any other
 * value is passed on. It happens after the fingerprint was made, so that the same call stays the same request.
 *
 * @throws Refusal `previous_response_not_ready` when that request has not completed
 */
async function translatePrevious(
  own: ProjectRequests,
  project: string,
  asked: NewRequest,
  atOnce: Wait,
): Promise<NewRequest> {
  const previous = asked.response?.previous_response_id ?? null;
  if (previous === null || !isRequestId(previous, project)) return asked;
  const stored = await own.read(previous, atOnce);
  if (stored === null || stored.record.operation !== 'responses') return asked;
  if (stored.result === null) {
    throw new Refusal('previous_response_not_ready', { param: 'previous_response_id' });
  }
  const { upstream_response_id: translated } = stored.record;
  if (translated === null) return asked;
  const edit = { previous_response_id: { json: JSON.stringify(translated), adds: false } };
  return { ...asked, body: new NewBody(editMembers(asked.body.take(), edit)) };
}
