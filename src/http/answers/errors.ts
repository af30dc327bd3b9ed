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
    /** The error code that the request was answered with. Null for a recorded failure. */
    errorCode: ErrorCode | null;
    /** The code of the recorded failure that the request was answered with. */
    failureCode: FailureCode | null;
  }
}

/** Our error codes for Fastify's own errors. */
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

/** Installs the only handlers that turn a thrown error, or an unknown path, into an answer. */
export function handleErrors(app: App): void {
  app.decorateRequest('errorCode', null);
  app.decorateRequest('failureCode', null);
  app.setErrorHandler((error, _request, reply) => handleErrors.answer(error, reply));
  app.setNotFoundHandler((_request, reply) => sendRefusal(reply, new Refusal('not_found')));
}

/**
 * Answers a thrown error; also called for Fastify's own errors before routing. An internal error is logged,
 * and the caller gets no details of it.
 */
handleErrors.answer = (error: unknown, reply: FastifyReply): FastifyReply => {
  const refusal = brokeOff(reply.request.raw) ? new Refusal('invalid_request') : toRefusal(error);
  if (refusal !== null) {
    if (refusal.code === 'service_unavailable' || refusal.code === 'acceptance_unknown') {
      reply.log.warn({ code: refusal.code, cause: nameOf(refusal.cause) }, 'Temporal did not answer');
    }
    if (refusal.code === 'blob_store_unavailable') {
      reply.log.warn({ code: refusal.code, cause: nameOf(refusal.cause) }, 'the blob store took no body');
    }
    if (refusal.code === 'payload_unreadable' || refusal.code === 'blob_unreadable') {
      reply.log.error(
        {
          code: refusal.code,
          request_id: refusal.requestId,
          why: wordOf(refusal.cause, 'why'),
          key_id: wordOf(refusal.cause, 'keyId'),
        },
        refusal.code === 'blob_unreadable' ? 'a text cannot be read' : 'a payload cannot be read',
      );
    }
    return sendRefusal(reply, refusal);
  }
  const fault = error instanceof Error ? error : new Error('not an error');
  reply.log.error({ error: fault.name, at: framesOf(fault) }, 'unexpected error');
  return sendInternalError(reply);
};

/**
 * The frames of the stack. The message before them is cut off, because it may quote input and have several
 * lines.
 */
function framesOf({ message, stack = '' }: Error): string {
  const at = stack.indexOf(message);
  return stack
    .slice(at === -1 ? 0 : at + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, MAX_FRAMES)
    .join('\n');
}

/**
 * Whether the caller disconnected, or sent invalid HTTP, before the end of the body. That is not an internal
 * error.
 */
function brokeOff({ complete, destroyed }: IncomingMessage): boolean {
  return destroyed && !complete;
}

/**
 * The name of the innermost error, with its numeric code where it has one; no message. Distinguishes an
 * outage from a fault.
 */
function nameOf(cause: unknown): string | null {
  if (!(cause instanceof Error)) return null;
  if (cause.cause instanceof Error) return nameOf(cause.cause);
  const status = 'code' in cause && typeof cause.code === 'number' ? ` ${cause.code}` : '';
  return `${cause.name}${status}`;
}

/**
 * A field of the error, if it is a string. `why` is one of a fixed few words; `keyId` names the missing key.
 */
function wordOf(cause: unknown, name: 'why' | 'keyId'): string | null {
  const word: unknown = cause instanceof Error ? Reflect.get(cause, name) : null;
  return typeof word === 'string' ? word : null;
}

/**
 * Sends a refusal in OpenAI's envelope. `x-should-retry` controls whether the official SDKs send the call
 * again.
 */
function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status } = ERROR_CATALOGUE[refusal.code];
  reply.request.errorCode = refusal.code;
  // RFC 9110, 11.6.1 requires a challenge with a 401.
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (refusal.requestId !== null) reply.header('x-request-id', refusal.requestId);
  if (refusal.retryAfterSeconds !== null) reply.header('retry-after', String(refusal.retryAfterSeconds));
  const shouldRetry = refusal.shouldRetry ?? (status < 500 && status !== 429 ? false : null);
  if (shouldRetry !== null) reply.header('x-should-retry', String(shouldRetry));
  return sendEnvelope(reply, status, envelopeOf(refusal.code, refusal));
}

/** Above this value the official Node SDK ignores the header and sends the call again after half a second. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Sends a recorded failure. It is final: repeating the call cannot change it. For a 429, `Retry-After` is the
 * delay that the upstream asked for, because a new request may succeed after it.
 *
 * @param options `mayRetry`: for the failure of a call that was not recorded, so that the same call may succeed
 */
export function sendFailure(
  reply: FastifyReply,
  error: RequestError,
  { mayRetry = false }: { readonly mayRetry?: boolean } = {},
): FastifyReply {
  const code: FailureCode = isFailureCode(error.code) ? error.code : 'internal_error';
  const { type } = FAILURES[code];
  reply.request.failureCode = code;
  reply.header('x-should-retry', String(mayRetry)).header('x-reqrun-error-code', error.code);
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

/** Answers an internal error without details, because they may quote input. */
function sendInternalError(reply: FastifyReply): FastifyReply {
  reply.request.errorCode = 'internal_error';
  return sendEnvelope(reply, FAILURES.internal_error.status, envelopeOf('internal_error'));
}

/** OpenAI's error envelope for one of our codes. The default message is the meaning in the catalogue. */
export function envelopeOf(
  code: ErrorCode,
  { message, param = null }: { readonly message?: string; readonly param?: string | null } = {},
): ErrorEnvelope {
  const { type, meaning } = ERROR_CATALOGUE[code];
  return { error: { message: message ?? meaning, type, param, code } };
}

/** Converts a thrown error to a refusal. Null for an internal error. */
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
