import { editMembers } from '../../domain/json-members.ts';
import type { RequestError } from '../../domain/record.ts';
import type { ResponseTerms } from '../../domain/requests.ts';
import {
  attemptComment,
  errorSequenceNumber,
  type StreamedOperation,
  type StreamEvent,
} from '../../domain/streams/stream-event.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';
import { type FailureCode, FAILURES, isFailureCode } from '../../domain/error-catalogue.ts';
import { responseOfResult, responseWithoutResult } from '../answers/response-object.ts';

/** The stream of one caller, as far as its form depends on the operation and the request. */
export interface StreamFormat {
  /** The text before the first event of an attempt, which names the attempt; may be empty. */
  beginning(attempt: number): string;
  /** The text of an event, as its caller knows the request. */
  event(event: StreamEvent): string;
  /**
   * The last event of a stream whose attempt broke off, while the request goes on.
   *
   * @param attempt the attempt that the stream shows; null = none
   */
  interrupted(message: string, attempt: number | null): string;
  /** The last event of the stream of a request that failed or was cancelled. */
  failed(error: RequestError, attempt: number | null): string;
}

/** The request of a stream. */
export interface StreamedRequest {
  readonly operation: StreamedOperation;
  readonly id: string;
  readonly createdAt: string;
  readonly model: string | null;
  readonly terms: ResponseTerms;
}

/** A comment, which keeps a connection alive through proxies. */
export const KEEPALIVE = ': keepalive\n\n';

export function createStreamFormat(request: StreamedRequest): StreamFormat {
  return request.operation === 'responses' ? ofResponses(request) : ofChunks(request);
}

/** Chat completions and completions: data only, and an error as an event with the member `error`. */
function ofChunks({ id }: StreamedRequest): StreamFormat {
  return {
    beginning: attemptComment,
    event: ({ data }) => toText(null, data),
    interrupted: (message) => toText(null, JSON.stringify({ error: interruptedError(id, message) })),
    failed: (error) => toText(null, JSON.stringify({ error: failedError(id, error) })),
  };
}

/**
 * Responses: named events. `error` has OpenAI's members, and the same error object inside, because the Python SDK raises
 * on that member and the Node SDK on the name of the event.
 */
function ofResponses({ id, createdAt, model, terms }: StreamedRequest): StreamFormat {
  const errorEvent = (error: StreamError, attempt: number | null): string => {
    const { code, message, param } = error;
    const sequence_number = errorSequenceNumber(attempt);
    return toText('error', JSON.stringify({ type: 'error', code, message, param, sequence_number, error }));
  };
  return {
    // The numbers of the events name it.
    beginning: () => '',
    event: ({ event, data }) =>
      toText(event, event !== null && HOLDS_RESPONSE.has(event) ? withResponseOf(id, terms, data) : data),
    interrupted: (message, attempt) => errorEvent(interruptedError(id, message), attempt),
    failed(error, attempt) {
      // The official helpers throw an error of their own at a `response.failed` that is the first event.
      if (error.code === 'request_cancelled' || attempt === null)
        return errorEvent(failedError(id, error), attempt);
      const state = { id, createdAt, model, terms, status: RequestStatus.failed, error };
      const response = responseWithoutResult(state, new TextEncoder().encode('{}')).toString();
      const sequence = errorSequenceNumber(attempt);
      return toText(
        'response.failed',
        `{"type":"response.failed","sequence_number":${sequence},"response":${response}}`,
      );
    },
  };
}

/** The events that carry the Response itself, with its id. */
const HOLDS_RESPONSE: ReadonlySet<string> = new Set([
  'response.created',
  'response.queued',
  'response.in_progress',
  'response.completed',
  'response.incomplete',
]);

function withResponseOf(id: string, terms: ResponseTerms, data: string): string {
  const response = (json: string): string =>
    Buffer.from(responseOfResult(id, terms, Buffer.from(json))).toString();
  return Buffer.from(
    editMembers(Buffer.from(data), { response: { json: response, adds: false } }),
  ).toString();
}

/** The error object of an event. `terminal`: the request has ended. */
interface StreamError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
  readonly request_id: string;
  readonly terminal: boolean;
}

function interruptedError(request_id: string, message: string): StreamError {
  return {
    message,
    type: 'server_error',
    param: null,
    code: 'stream_interrupted',
    request_id,
    terminal: false,
  };
}

function failedError(request_id: string, error: RequestError): StreamError {
  const code: FailureCode = isFailureCode(error.code) ? error.code : 'internal_error';
  return {
    message: error.message,
    type: error.upstream_type ?? FAILURES[code].type,
    param: error.upstream_param,
    code: error.code,
    request_id,
    terminal: true,
  };
}

/** A server-sent event. Each line of the data needs a field of its own. */
function toText(event: string | null, data: string): string {
  const lines = data.includes('\n') ? data.replaceAll('\n', '\ndata: ') : data;
  return event === null ? `data: ${lines}\n\n` : `event: ${event}\ndata: ${lines}\n\n`;
}
