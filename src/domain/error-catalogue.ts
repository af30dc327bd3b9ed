/**
 * Every error code that ReqRun returns, with its HTTP status, its `type` in OpenAI's error envelope and its
 * meaning. This is the only source: the error handler, the OpenAPI document and the generated tables of
 * docs/errors.md read it, and a test compares the tables.
 */

interface CatalogueEntry {
  /** HTTP status of the answer. */
  readonly status: number;
  /** `error.type` in OpenAI's envelope. */
  readonly type: 'invalid_request_error' | 'api_error' | 'rate_limit_error' | 'server_error';
  /** One sentence for docs/errors.md and the OpenAPI document; also the default message. Never contains input. */
  readonly meaning: string;
}

const invalid = (status: number, meaning: string): CatalogueEntry => ({
  status,
  type: 'invalid_request_error',
  meaning,
});
const upstream = (status: number, meaning: string): CatalogueEntry => ({
  status,
  type: 'api_error',
  meaning,
});
const server = (status: number, meaning: string): CatalogueEntry => ({
  status,
  type: 'server_error',
  meaning,
});

const limited = (meaning: string): CatalogueEntry => ({ status: 429, type: 'rate_limit_error', meaning });

/** Refusals. Nothing was accepted, nothing ran, and the idempotency key is still free. */
export const REFUSALS = {
  invalid_json: invalid(400, 'The body is not valid JSON (RFC 8259, without a byte order mark).'),
  invalid_encoding: invalid(400, 'The body is not valid UTF-8.'),
  invalid_unicode: invalid(400, 'The body contains an unpaired surrogate, which cannot be sent as UTF-8.'),
  invalid_number: invalid(
    400,
    'A number in the body is outside the range of a double, such as 1e400; it would be read as infinity or as 0.',
  ),
  duplicate_field: invalid(400, 'An object in the body names the same member twice.'),
  json_too_deep: invalid(400, 'The body is nested more than 64 levels deep.'),
  too_many_fields: invalid(400, 'The body has more than 100,000 object members in total.'),
  too_many_items: invalid(
    400,
    'An array in the body has more than 10,000 elements, or all arrays together have more than 500,000.',
  ),
  invalid_request: invalid(400, 'The request is malformed; the message names the place.'),
  missing_field: invalid(400, 'A required field is missing; param names it.'),
  unknown_field: invalid(400, 'A field that is not accepted was sent; param names it.'),
  invalid_type: invalid(400, 'A field has the wrong JSON type; param names it.'),
  invalid_value: invalid(400, 'A field has a value outside its bounds; param names it.'),
  stream_not_supported: invalid(
    400,
    'This operation cannot be streamed, or not with run_at; ask for the result with wait instead.',
  ),
  invalid_idempotency_key: invalid(
    400,
    'The idempotency key must be 1 to 255 visible ASCII characters (a named project: 253 less the length of its name), must not begin with @ or rr_, and must not be . or .. alone.',
  ),
  idempotency_key_conflict: invalid(400, 'The Idempotency-Key header and the idempotency_key field differ.'),
  idempotency_key_not_signed: invalid(
    400,
    'A signed request must send its idempotency key in the body, as idempotency_key, because headers are not signed.',
  ),
  duplicate_header: invalid(400, 'A header that may be sent once was sent more than once.'),
  missing_api_key: invalid(401, 'An API key is required: Authorization: Bearer reqrun_live_...'),
  invalid_authorization_scheme: invalid(401, 'The Authorization scheme must be Bearer.'),
  invalid_api_key: invalid(401, 'The API key is not valid: it is malformed, unknown or revoked.'),
  missing_signature: invalid(
    401,
    'The calls of this API key must be signed: X-ReqRun-Timestamp, X-ReqRun-Nonce and X-ReqRun-Signature.',
  ),
  invalid_signature: invalid(
    401,
    'The signature does not match this request (method, path and query, timestamp, nonce, body) and the signing secret of the API key.',
  ),
  signature_expired: invalid(
    401,
    "The signature's timestamp differs from this service's clock by more than 300 seconds.",
  ),
  nonce_reused: invalid(
    401,
    'A request with this nonce was received before; sign every request with a new nonce.',
  ),
  host_not_allowed: invalid(
    403,
    'A service without API keys accepts only requests to loopback names, to HOST and to the names in REQRUN_ALLOWED_HOSTS.',
  ),
  origin_not_allowed: invalid(
    403,
    'A service without API keys refuses requests from web pages of another origin.',
  ),
  model_not_allowed: invalid(403, 'The project may not use this model.'),
  request_not_found: invalid(404, 'There is no request with this id.'),
  not_found: invalid(404, 'There is nothing at this path.'),
  method_not_allowed: invalid(
    405,
    'This method is not allowed here; the Allow header lists the methods that are.',
  ),
  request_timeout: invalid(408, 'The request was not received completely in time.'),
  idempotency_key_unavailable: invalid(
    409,
    'The key names a Temporal workflow that is not a ReqRun request; use another key.',
  ),
  request_already_terminal: invalid(
    409,
    'The request has completed or failed, so it can no longer be cancelled.',
  ),
  request_already_completed: invalid(
    409,
    'The request has completed; only a failed or cancelled request can be retried.',
  ),
  request_not_terminal: invalid(409, 'The request has not ended yet; wait for its end, or cancel it first.'),
  stream_superseded: invalid(
    409,
    'starting_after names an event of an attempt that was abandoned; read the stream from its start.',
  ),
  request_being_deleted: invalid(
    409,
    'The request with this key is being deleted; the key is free once Temporal has removed it.',
  ),
  previous_response_not_ready: invalid(
    400,
    'previous_response_id names a request that has not completed; wait for it first.',
  ),
  request_too_large: invalid(
    413,
    'The body is larger than REQRUN_MAX_BODY_BYTES. Without a blob store (REQRUN_BLOB_STORE) that is at most 1,964,032 bytes.',
  ),
  uri_too_long: invalid(414, 'The path is too long.'),
  unsupported_media_type: invalid(415, 'The Content-Type must be application/json.'),
  unsupported_charset: invalid(415, 'The charset must be utf-8.'),
  unsupported_content_encoding: invalid(415, 'Content-Encoding is not supported; send the body as it is.'),
  expectation_failed: invalid(417, 'The Expect header asks for something other than 100-continue.'),
  idempotency_key_reused: invalid(
    422,
    'The idempotency key was used for a different request; use another key or send the same body.',
  ),
  rate_limited: limited(
    'The project has reached its limit of requests per minute; wait for the time in Retry-After.',
  ),
  too_many_in_flight: limited('The project has reached its limit of calls in flight.'),
  headers_too_large: invalid(431, 'The headers are larger than 16 KiB.'),
  payload_unreadable: server(
    500,
    "The request's payloads in Temporal cannot be read with this deployment's encryption keys; only the operator can fix this.",
  ),
  blob_unreadable: server(
    500,
    'A text of the request is missing, cut or altered in the blob store, or its encryption key is missing; only the operator can fix this.',
  ),
  blob_store_unavailable: server(
    503,
    'The blob store did not take the body; the request was not accepted and its key is free. Try again.',
  ),
  overloaded: server(
    503,
    'This API process has reached a limit on concurrent work, or cannot accept the request in time; nothing was accepted and the key is still free.',
  ),
  response_not_ready: server(
    504,
    'The Response was not finished when the wait ended. The request was accepted and goes on: read it by the id in x-request-id, at the address in Location.',
  ),
  service_unavailable: server(
    503,
    'Temporal does not answer; a new request was not accepted and its key is free. Try again.',
  ),
  acceptance_unknown: server(
    503,
    'Temporal did not answer in time, so the request may have been accepted: send the same key again, or GET the id.',
  ),
} as const satisfies Record<string, CatalogueEntry>;

/** Failures, recorded as the end of an accepted request or of one of its attempts (`last_error_code`). */
export const FAILURES = {
  upstream_rejected: upstream(
    400,
    "The upstream refused the request as invalid or for its content; the status is the upstream's.",
  ),
  upstream_not_found: upstream(404, 'The upstream does not know the model, deployment or path.'),
  upstream_conflict: upstream(409, 'The upstream reported a conflict (409).'),
  upstream_rate_limited: {
    status: 429,
    type: 'rate_limit_error',
    meaning:
      'The upstream reported a rate limit; the message gives the reason why the call was not tried again.',
  },
  upstream_quota_exhausted: {
    status: 429,
    type: 'rate_limit_error',
    meaning: "The upstream account's quota, credit or spend limit is exhausted; retrying cannot help.",
  },
  upstream_auth_failed: upstream(
    502,
    "The upstream, or a proxy in front of it, refused the operator's credentials.",
  ),
  upstream_unreachable: upstream(
    502,
    'No connection to the upstream could be made, or it led to another server (421).',
  ),
  upstream_tls_error: upstream(502, "The upstream's TLS certificate is not valid for it."),
  upstream_redirect: upstream(502, 'The upstream answered with a redirect, which is not followed.'),
  upstream_connection_lost: upstream(
    502,
    'The connection broke after the request was sent and before an answer came.',
  ),
  upstream_response_lost: upstream(502, 'The answer broke off before its end.'),
  upstream_invalid_response: upstream(
    502,
    'The upstream answered with something that cannot be read or is not a completion.',
  ),
  upstream_incomplete: upstream(
    502,
    'The upstream answered with an unfinished result: it has no content and no finish reason, or lacks an embedding, a verdict or an image.',
  ),
  upstream_error_in_body: upstream(
    502,
    'The upstream answered with a success status, but the body holds an error or a result marked as failed.',
  ),
  upstream_error_in_stream: upstream(
    502,
    'The upstream answered with an event stream that carried an error.',
  ),
  upstream_stream_truncated: upstream(502, 'The upstream answered with an event stream that broke off.'),
  upstream_response_too_large: upstream(502, 'The answer is larger than ReqRun can store.'),
  result_not_stored: server(
    500,
    'The upstream answered, and the blob store did not take the answer in time; the call ran and its answer is lost.',
  ),
  text_unreadable: server(
    500,
    'The body or the result of the request is missing, cut or altered in the blob store. No upstream call is made without the body, nor to get a result again.',
  ),
  upstream_server_error: upstream(502, 'The upstream failed with a server error.'),
  upstream_gateway_error: upstream(
    502,
    'A gateway in front of the upstream failed (502, 504, 520 to 527, 530, or a 503 in the words of a proxy).',
  ),
  attempt_interrupted: upstream(502, 'The worker died or was stopped during the call.'),
  upstream_overloaded: upstream(503, 'The upstream is overloaded.'),
  upstream_timeout: upstream(
    504,
    'The upstream did not answer within the attempt timeout, or reported a timeout (408).',
  ),
  deadline_exceeded: upstream(504, "The request's deadline passed before it could be completed."),
  outcome_unknown: upstream(
    502,
    'An attempt may or may not have run, and on_unknown_outcome is "fail", so it was not repeated.',
  ),
  request_cancelled: invalid(409, 'The request was cancelled.'),
  configuration_error: server(500, 'The upstream call could not be built from the configuration.'),
  internal_error: server(500, 'Something failed inside ReqRun; the logs have the details.'),
  terminated: server(500, "The request's workflow was terminated in Temporal."),
} as const satisfies Record<string, CatalogueEntry>;

/** Refusals and failures. Each code belongs to exactly one of the two. */
export const ERROR_CATALOGUE = { ...REFUSALS, ...FAILURES } as const;

export type RefusalCode = keyof typeof REFUSALS;
export type FailureCode = keyof typeof FAILURES;
export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** Whether a recorded code is in the catalogue. */
export function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(FAILURES, code);
}
