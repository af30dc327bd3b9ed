import { createHash, randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { NewRequestOptions, resolveRunAt, withinCaps, withStreamTimeouts } from '../../domain/options.ts';
import { type Project, requireAllowed } from '../../domain/project.ts';
import { isObject } from '../../domain/raw-json.ts';
import { Refusal } from '../../domain/refusal.ts';
import { isIdempotencyKey, newRequestId } from '../../domain/request-id.ts';
import { NewBody } from '../../domain/request-text.ts';
import { NamedBy, type NewRequest, type ResponseTerms } from '../../domain/requests.ts';
import { type Operation, OPERATIONS } from '../../domain/operations.ts';
import { isStreamed } from '../../domain/streams/stream-event.ts';
import { exactValue } from '../../domain/strict-json.ts';
import { projectOf } from '../access/authenticate.ts';
import type { SignedRequest } from '../access/request-signatures.ts';
import { singleHeader } from '../access/single-header.ts';
import { hashCanonical } from '../body/canonical-hash.ts';
import { cutMembers, type JsonBody, type LargeBody } from '../body/json-body.ts';
import { type RequestBody, OWN_MEMBERS } from './schemas.ts';

/**
 * Reads the POST of an operation.
 *
 * @throws Refusal when the call or its project does not allow it
 */
export function readNewRequest(operation: Operation, request: PostOfOperation): NewRequest {
  const { body, jsonBody, largeBody, signed } = request;
  const project = projectOf(request);
  const read = largeBody ?? jsonBody;
  if (read === null) throw new Refusal('invalid_json');
  requireAllowed(project.models, body.model ?? null);
  const stream = OPERATIONS[operation].streams && body['stream'] === true;
  const isDelayed = (body.reqrun?.run_at ?? null) !== null;
  if (stream && (isDelayed || !isStreamed(operation))) {
    throw new Refusal('stream_not_supported', { param: isDelayed ? 'reqrun.run_at' : 'stream' });
  }
  const key = readIdempotencyKey(request.raw, body.idempotency_key, {
    project: project.name,
    isSigned: signed !== null,
  });
  const receivedAtMs = Date.now();
  return toNewRequest({ operation, key, signed, body, jsonBody: read, project, stream, receivedAtMs });
}

/** The parts of a Fastify request that are read. */
type PostOfOperation = Pick<FastifyRequest, 'raw' | 'jsonBody' | 'largeBody' | 'signed' | 'project'> & {
  readonly body: RequestBody;
};

/** A POST that was validated and authenticated. */
interface ReceivedRequest {
  readonly operation: Operation;
  /** The idempotency key; null = none was sent. */
  readonly key: string | null;
  readonly signed: SignedRequest | null;
  readonly body: RequestBody;
  readonly jsonBody: JsonBody | LargeBody;
  readonly project: Project;
  /** Whether the answer is asked for as a stream. */
  readonly stream: boolean;
  /** Unix ms. */
  readonly receivedAtMs: number;
}

/**
 * Converts a POST to the request that the store accepts. The body sent upstream is the received text without
 * ReqRun's own members.
 *
 * @throws Refusal `invalid_value` when an option exceeds the project's cap, or `run_at` is too far ahead
 */
export function toNewRequest({
  operation,
  key,
  signed,
  body,
  jsonBody,
  project,
  stream,
  receivedAtMs,
}: ReceivedRequest): NewRequest {
  const { model = null, reqrun } = body;
  const { given, ...text } = 'sha256' in jsonBody ? textOfLarge(jsonBody) : textOf(operation, jsonBody);
  return {
    ...nameOf(key, signed),
    operation,
    model,
    ...text,
    response: operation === 'responses' ? toTerms(body) : null,
    stream,
    options: withinCaps(
      withStreamTimeouts(resolveRunAt(reqrun ?? NewRequestOptions.parse({}), receivedAtMs), project),
      isObject(given) ? given : {},
      project.limits.caps,
    ),
  };
}

/** What of a new request comes from the text of its body. */
interface RequestText extends Pick<NewRequest, 'fingerprint' | 'body'> {
  /** The member `reqrun` as it was sent, because validation has filled in the defaults in `body`. */
  readonly given: unknown;
}

function textOf(operation: Operation, jsonBody: JsonBody): RequestText {
  return {
    given: jsonBody.value['reqrun'],
    fingerprint: fingerprint(operation, jsonBody),
    body: new NewBody(Buffer.from(cutMembers(jsonBody, ownMembersOf(operation)))),
  };
}

function textOfLarge({ given, fingerprint, bytes, sha256 }: LargeBody): RequestText {
  return { given, fingerprint, body: new NewBody(bytes, sha256) };
}

/** The members of a body that are not sent upstream. */
export function ownMembersOf(operation: Operation): ReadonlySet<string> {
  return new Set([...OWN_MEMBERS, ...OPERATIONS[operation].ownMembers]);
}

function toTerms({ background, previous_response_id: previous }: RequestBody): ResponseTerms {
  return {
    background: background === true,
    previous_response_id: typeof previous === 'string' ? previous : null,
  };
}

/**
 * The id of a request. A signed request without a key gets its id from its signature digest, so that a replay
 * to any process has the same id.
 */
function nameOf(key: string | null, signed: SignedRequest | null): Pick<NewRequest, 'id' | 'namedBy'> {
  if (key !== null) return { id: key, namedBy: NamedBy.key };
  if (signed === null) return { id: newRequestId(randomBytes), namedBy: NamedBy.chance };
  return { id: newRequestId((count) => signed.digest.subarray(0, count)), namedBy: NamedBy.nonce };
}

/**
 * The idempotency key of a call, from its header (bare, or an RFC 8941 quoted string) or its body.
 *
 * @throws Refusal `duplicate_header`, `idempotency_key_not_signed`, `invalid_idempotency_key` or
 *   `idempotency_key_conflict`
 */
export function readIdempotencyKey(
  request: IncomingMessage,
  fromBody: string | undefined,
  { project, isSigned }: { readonly project: string; readonly isSigned: boolean },
): string | null {
  const sent = singleHeader(request, 'Idempotency-Key');
  if (isSigned && sent !== undefined) {
    throw new Refusal('idempotency_key_not_signed', { param: 'Idempotency-Key' });
  }
  const fromHeader = sent === undefined ? undefined : unquote(sent);
  for (const key of [fromHeader, fromBody]) {
    if (key !== undefined && !isIdempotencyKey(key, project)) {
      throw new Refusal('invalid_idempotency_key', { param: 'idempotency_key' });
    }
  }
  if (fromHeader !== undefined && fromBody !== undefined && fromHeader !== fromBody) {
    throw new Refusal('idempotency_key_conflict', { param: 'idempotency_key' });
  }
  return fromHeader ?? fromBody ?? null;
}

/** RFC 8941, 3.3.3: within quotes a backslash escapes a quote or a backslash. */
function unquote(header: string): string {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header);
  return quoted?.[1] === undefined ? header : quoted[1].replace(/\\(["\\])/g, '$1');
}

/**
 * The fingerprint that defines "the same request": SHA-256 hex over the operation and the canonical JSON (RFC
 * 8785) of the body sent upstream, without the members that only say how the answer is delivered. Member order, white space, escapes and `1.0` against `1` make no
 * difference. A number that a double rounds, such as an integer above 2^53, is compared by its literal text.
 */
export function fingerprint(operation: Operation, jsonBody: JsonBody): string {
  const members = Object.entries(exactValue(jsonBody) ?? {});
  const isLeftOut = new Set([...ownMembersOf(operation), ...OPERATIONS[operation].deliveryMembers]);
  const body = Object.fromEntries(members.filter(([name]) => !isLeftOut.has(name)));
  const hash = createHash('sha256').update(operation).update('\n');
  hashCanonical(hash, body);
  return hash.digest('hex');
}
