import { z } from 'zod';
import {
  ERROR_CATALOGUE,
  type ErrorCode,
  FAILURES,
  type RefusalCode,
  REFUSALS,
} from '../../domain/error-catalogue.ts';

/** OpenAI's error envelope. */
export const ErrorEnvelope = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'ErrorEnvelope' });
export type ErrorEnvelope = z.infer<typeof ErrorEnvelope>;

const isErrorCode = (code: string): code is ErrorCode => code in ERROR_CATALOGUE;

/** The error answers of a route, for its OpenAPI `responses`: one per status, with the codes it can carry. */
export function errorResponses(codes: readonly ErrorCode[]): Record<number, typeof ErrorEnvelope> {
  const byStatus = Map.groupBy(codes, (code) => ERROR_CATALOGUE[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      ErrorEnvelope.describe(
        group.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].meaning}`).join('\n\n'),
      ),
    ]),
  );
}

/** Every failure code. A POST that waits can be answered with any of them. */
export const FAILURE_CODES: readonly ErrorCode[] = Object.keys(FAILURES).filter(isErrorCode);

/** Refusals that only the routes of an existing request can answer. */
const OF_RECORDS: ReadonlySet<string> = new Set([
  'request_not_found',
  'request_already_terminal',
  'request_already_completed',
  'request_not_terminal',
]);
/** Refusals of requests that cannot be received or routed. */
const TRANSPORT_REFUSALS: readonly RefusalCode[] = [
  'invalid_request',
  'method_not_allowed',
  'request_timeout',
  'uri_too_long',
  'headers_too_large',
  'duplicate_header',
  'expectation_failed',
];

/** Refusals of callers without access, on every route that is not public. */
const ACCESS_REFUSALS: readonly RefusalCode[] = [
  'missing_api_key',
  'invalid_authorization_scheme',
  'invalid_api_key',
  'missing_signature',
  'invalid_signature',
  'signature_expired',
  'nonce_reused',
  'host_not_allowed',
  'origin_not_allowed',
];

/** Refusals of a body that cannot be read. */
const BODY_REFUSALS: readonly RefusalCode[] = [
  'invalid_json',
  'invalid_encoding',
  'invalid_unicode',
  'invalid_number',
  'duplicate_field',
  'json_too_deep',
  'too_many_fields',
  'too_many_items',
  'request_too_large',
  'unsupported_media_type',
  'unsupported_charset',
  'unsupported_content_encoding',
];

const isRefusalCode = (code: string): code is RefusalCode => code in REFUSALS;

/** Refusals that only the POST of responses can answer. */
const RESPONSE_REFUSALS: readonly RefusalCode[] = ['previous_response_not_ready', 'response_not_ready'];

/** Every refusal of the POST of an operation. */
export const POST_REFUSALS: readonly RefusalCode[] = Object.keys(REFUSALS)
  .filter(isRefusalCode)
  .filter((code) => !OF_RECORDS.has(code) && !RESPONSE_REFUSALS.includes(code) && code !== 'not_found');

/** Every refusal of `POST /v1/responses`. */
export const RESPONSE_POST_REFUSALS: readonly RefusalCode[] = [...POST_REFUSALS, ...RESPONSE_REFUSALS];

/** Every refusal of `GET /v1/requests/{id}`. */
export const GET_REFUSALS: readonly RefusalCode[] = [
  ...TRANSPORT_REFUSALS,
  ...ACCESS_REFUSALS,
  'invalid_type',
  'invalid_value',
  'request_not_found',
  'payload_unreadable',
  'blob_unreadable',
  'overloaded',
  'service_unavailable',
];

/** Every refusal of the routes for models. */
export const MODEL_REFUSALS: readonly RefusalCode[] = [
  ...TRANSPORT_REFUSALS,
  ...ACCESS_REFUSALS,
  'model_not_allowed',
  'overloaded',
];

/** Refusals that all actions on a record share; each action adds its own. */
export const ACTION_REFUSALS: readonly RefusalCode[] = [
  ...TRANSPORT_REFUSALS,
  ...ACCESS_REFUSALS,
  ...BODY_REFUSALS,
  'request_not_found',
  'payload_unreadable',
  'overloaded',
  'service_unavailable',
];
