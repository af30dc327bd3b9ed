import type { FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';
import {
  ERROR_CATALOGUE,
  type ErrorCode,
  type FailureCode,
  FAILURES,
  isFailureCode,
  type RefusalCode,
} from '../../domain/error-catalogue.ts';
import type { RequestError } from '../../domain/record.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { App } from '../app-types.ts';
import type { ErrorEnvelope } from './error-responses.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of ours, once it is answered with one; null for a recorded failure. */
    errorCode: ErrorCode | null;
    /** Of the recorded failure that it is answered with. */
    failureCode: FailureCode | null;
  }
}

/** Fastify's and Node's own refusals, in our words. */
const BY_FASTIFY_CODE: Readonly<Record<string, RefusalCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_EMPTY_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'request_too_large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'invalid_request',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
};

const MAX_FRAMES = 7;

/** The one place that turns what was thrown into an answer, and unknown paths as well. */
export function handleErrors(app: App): void {
  app.decorateRequest('errorCode', null);
  app.decorateRequest('failureCode', null);
  app.setErrorHandler((error, _request, reply) => handleErrors.answer(error, reply));
  app.setNotFoundHandler((_request, reply) => sendRefusal(reply, new Refusal('not_found')));
}

/** For Fastify's own errors before routing, too. A fault of ours is logged and told without details. */
handleErrors.answer = (error: unknown, reply: FastifyReply): FastifyReply => {
  const refusal = brokeOff(reply.request.raw) ? new Refusal('invalid_request') : toRefusal(error);
  if (refusal !== null) {
    if (refusal.code === 'service_unavailable' || refusal.code === 'acceptance_unknown') {
      reply.log.warn({ code: refusal.code, cause: nameOf(refusal.cause) }, 'Temporal did not answer');
    }
    if (refusal.code === 'payload_unreadable') {
      reply.log.error(
        {
          code: refusal.code,
          request_id: refusal.requestId,
          why: wordOf(refusal.cause, 'why'),
          key_id: wordOf(refusal.cause, 'keyId'),
        },
        'a payload cannot be read',
      );
    }
    return sendRefusal(reply, refusal);
  }
  const fault = error instanceof Error ? error : new Error('not an error');
  reply.log.error({ error: fault.name, at: framesOf(fault) }, 'unexpected error');
  return sendInternalError(reply);
};

/** Where it happened. The stack begins with the message, of any number of lines, which may quote input. */
function framesOf({ message, stack = '' }: Error): string {
  const at = stack.indexOf(message);
  return stack
    .slice(at === -1 ? 0 : at + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, MAX_FRAMES)
    .join('\n');
}

/** Whether the caller left, or sent what is no HTTP, before the body's end: no fault of ours. */
function brokeOff({ complete, destroyed }: IncomingMessage): boolean {
  return destroyed && !complete;
}

/** Tells an outage from a fault: the first error's name, and its status where it has one; no message. */
function nameOf(cause: unknown): string | null {
  if (!(cause instanceof Error)) return null;
  if (cause.cause instanceof Error) return nameOf(cause.cause);
  const status = 'code' in cause && typeof cause.code === 'number' ? ` ${cause.code}` : '';
  return `${cause.name}${status}`;
}

/** The reader's own words: why, of a fixed few, and the id of the key that it lacks. */
function wordOf(cause: unknown, name: 'why' | 'keyId'): string | null {
  const word: unknown = cause instanceof Error ? Reflect.get(cause, name) : null;
  return typeof word === 'string' ? word : null;
}

/** A refusal's answer: OpenAI's envelope, and whether the official SDKs may send the call again. */
function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status } = ERROR_CATALOGUE[refusal.code];
  reply.request.errorCode = refusal.code;
  // RFC 9110, 11.6.1: a 401 says how to be let in.
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (refusal.requestId !== null) reply.header('x-request-id', refusal.requestId);
  if (refusal.retryAfterSeconds !== null) reply.header('retry-after', String(refusal.retryAfterSeconds));
  const shouldRetry = refusal.shouldRetry ?? (status < 500 && status !== 429 ? false : null);
  if (shouldRetry !== null) reply.header('x-should-retry', String(shouldRetry));
  return sendEnvelope(reply, status, envelopeOf(refusal.code, refusal));
}

/** Above this, an official SDK ignores the header and sends the call again after half a second. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * A recorded failure's answer. It is final: retrying the call cannot change it. Where that is a 429, the upstream's
 * delay says when a request of its own may get further.
 */
export function sendFailure(reply: FastifyReply, error: RequestError): FastifyReply {
  const code: FailureCode = isFailureCode(error.code) ? error.code : 'internal_error';
  const { type } = FAILURES[code];
  reply.request.failureCode = code;
  reply.header('x-should-retry', 'false').header('x-reqrun-error-code', error.code);
  const status = failureStatus(code, error.upstream_status);
  const { retry_after_ms: delayMs } = error;
  if (status === 429 && delayMs !== null && delayMs > 0 && delayMs <= MAX_RETRY_AFTER_MS) {
    reply.header('retry-after', String(Math.ceil(delayMs / 1000)));
  }
  return sendEnvelope(reply, status, {
    error: {
      message: error.message,
      type: error.upstream_type ?? type,
      param: error.upstream_param,
      code: error.upstream_code ?? error.code,
    },
  });
}

/** The answer to a fault of ours: no details, for they may quote input. */
function sendInternalError(reply: FastifyReply): FastifyReply {
  reply.request.errorCode = 'internal_error';
  return sendEnvelope(reply, FAILURES.internal_error.status, envelopeOf('internal_error'));
}

/** OpenAI's envelope for a code of ours; with the catalogue's meaning where there is no message. */
export function envelopeOf(
  code: ErrorCode,
  { message, param = null }: { readonly message?: string; readonly param?: string | null } = {},
): ErrorEnvelope {
  const { type, meaning } = ERROR_CATALOGUE[code];
  return { error: { message: message ?? meaning, type, param, code } };
}

/** Whatever else was thrown, in the catalogue's words. */
export function toRefusal(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  const code = BY_FASTIFY_CODE[error.code];
  return code === undefined ? null : new Refusal(code, { cause: error });
}

function failureStatus(code: FailureCode, upstreamStatus: number | null): number {
  const isClientError = upstreamStatus !== null && upstreamStatus >= 400 && upstreamStatus < 500;
  return code === 'upstream_rejected' && isClientError ? upstreamStatus : FAILURES[code].status;
}

function sendEnvelope(reply: FastifyReply, status: number, envelope: ErrorEnvelope): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(envelope));
}
