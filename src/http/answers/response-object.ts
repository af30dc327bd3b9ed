import type { FastifyReply } from 'fastify';
import { FAILURES, isFailureCode } from '../../domain/error-catalogue.ts';
import { editMembers } from '../../domain/json-members.ts';
import type { RequestError } from '../../domain/record.ts';
import type { ResponseTerms } from '../../domain/requests.ts';
import { RESPONSE_ERROR_CODES } from '../../domain/response-errors.ts';
import { readStrictJson } from '../../domain/strict-json.ts';
import { RequestStatus } from '../../domain/vocabulary.ts';

/** A request of the operation `responses`, as far as its Response shows it. */
export interface ResponseState {
  readonly id: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly model: string | null;
  readonly terms: ResponseTerms;
  readonly status: RequestStatus;
  readonly error: RequestError | null;
}

/** The statuses of OpenAI's Response for a request that has no result. */
const STATUS: Readonly<Record<Exclude<RequestStatus, 'completed'>, string>> = {
  queued: 'queued',
  processing: 'in_progress',
  retrying: 'in_progress',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** Members of a Response that official clients require, where the request does not name them. */
const DEFAULTS: Readonly<Record<string, string>> = {
  instructions: 'null',
  metadata: '{}',
  parallel_tool_calls: 'true',
  temperature: 'null',
  tool_choice: '"auto"',
  tools: '[]',
  top_p: 'null',
};

/** Members of the request that a Response repeats in the same form. */
const ECHOED: ReadonlySet<string> = new Set([
  ...Object.keys(DEFAULTS),
  'max_output_tokens',
  'max_tool_calls',
  'prompt',
  'prompt_cache_key',
  'prompt_cache_retention',
  'reasoning',
  'safety_identifier',
  'service_tier',
  'store',
  'text',
  'top_logprobs',
  'truncation',
  'user',
]);

/**
 * The Response of a request that has no result: queued, in progress, failed or cancelled. The fields of the request
 * are repeated in the text in which they came.
 *
 * @param body the request's body, as it is stored
 */
export function responseWithoutResult(state: ResponseState, body: Uint8Array): Buffer {
  const { id, createdAt, model, terms, status, error } = state;
  const members: Record<string, string> = {
    id: JSON.stringify(id),
    object: '"response"',
    created_at: String(Math.floor(Date.parse(createdAt) / 1000)),
    status: JSON.stringify(status === RequestStatus.completed ? 'completed' : STATUS[status]),
    background: String(terms.background),
    error: JSON.stringify(status === RequestStatus.failed && error !== null ? toResponseError(error) : null),
    incomplete_details: 'null',
    model: JSON.stringify(model),
    output: '[]',
    usage: 'null',
    ...DEFAULTS,
    ...echoedIn(body),
    previous_response_id: JSON.stringify(terms.previous_response_id),
  };
  return Buffer.from(
    `{${Object.entries(members)
      .map(([name, json]) => `"${name}":${json}`)
      .join(',')}}`,
  );
}

/**
 * The Response of a completed request: the upstream's own bytes, with the id, the previous id and `background` as the
 * caller knows them.
 */
export function responseOfResult(id: string, terms: ResponseTerms, result: Uint8Array): Uint8Array {
  const { background, previous_response_id: previous } = terms;
  return editMembers(result, {
    id: { json: JSON.stringify(id), adds: true },
    background: { json: String(background), adds: background },
    ...(previous === null ? {} : { previous_response_id: { json: JSON.stringify(previous), adds: true } }),
  });
}

function echoedIn(body: Uint8Array): Record<string, string> {
  const read = readStrictJson(new TextDecoder().decode(body));
  if ('fault' in read) return {};
  const echoed = read.members.filter(({ name }) => ECHOED.has(name));
  return Object.fromEntries(
    echoed.map(({ name, start, end }) => {
      const member = read.text.slice(start, end);
      return [name, member.slice(member.indexOf(':') + 1).trim()];
    }),
  );
}

/** A code of OpenAI's list, because clients know no others, and ReqRun's own code as `type`. */
function toResponseError(error: RequestError): { code: string; message: string; type: string } {
  return { code: responseErrorCode(error), message: error.message, type: error.code };
}

function responseErrorCode({ code, upstream_code }: RequestError): string {
  if (upstream_code !== null && RESPONSE_ERROR_CODES.has(upstream_code)) return upstream_code;
  if (isFailureCode(code) && FAILURES[code].type === 'rate_limit_error') return 'rate_limit_exceeded';
  return code === 'upstream_rejected' ? 'invalid_prompt' : 'server_error';
}

/** Where a Response is read. */
export function responsePath(id: string): string {
  return `/v1/responses/${encodeURIComponent(id)}`;
}

export function sendResponse(reply: FastifyReply, response: Uint8Array): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(Buffer.from(response));
}
