import type { FastifyReply } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../domain/refusal.ts';
import type { App } from './app.ts';
import { sendInternalError, sendRefusal, toRefusal } from './error-answer.ts';

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
