import { type AnswerFacts, factsOf, responseIdOf } from '../domain/answer-facts.ts';
import { type Completeness, isSet, isUnderWay } from '../domain/completeness.ts';
import { parseLeniently } from '../domain/lenient-json.ts';
import { type Operation, OPERATIONS } from '../domain/operations.ts';
import { isObject } from '../domain/raw-json.ts';
import { Backoff, LOST, Retry, row, UNREADABLE, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { classifyEventStream } from './classify-event-stream.ts';
import { classifyStatus } from './classify-status.ts';
import { errorBodyOf } from './error-body.ts';
import {
  asksToSlowDown,
  blamesRequest,
  isBilling,
  isLargerThanLimit,
  isRate,
  saysOverloaded,
} from './error-meaning.ts';
import { toldDelayMs } from './told-delay.ts';

const noCompletion = (detail: string): UpstreamFailure =>
  row({ code: 'upstream_invalid_response', retry: Retry.twice, detail });

/**
 * Row 10b of docs/upstream-outcomes.md. DeepSeek keeps a waiting call alive with empty lines. It closes the
 * connection when inference has not begun in time (api-docs.deepseek.com/quick_start/rate_limit). If another
 * upstream closes the connection like this, it does not prove that nothing ran, so the outcome stays unknown.
 */
export const CLOSED_IN_QUEUE = row({
  code: 'upstream_overloaded',
  backoff: Backoff.overload,
  detail: 'the body is only white space, which an upstream sends to keep a queued call alive',
});

/**
 * The meaning of an answer. `under way`: a Response that the upstream still works on. It is no answer, and it
 * can be read under its id.
 */
export type Verdict =
  | { readonly kind: 'completed'; readonly facts: AnswerFacts }
  | { readonly kind: 'under way'; readonly id: string }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure };

/** Classifies the body of a 2xx, whatever its content type is: rows 8 to 19 of docs/upstream-outcomes.md. */
export function classifyBody(
  operation: Operation,
  bytes: Uint8Array,
  headers: Headers,
  nowMs: number,
): Verdict {
  const body = readObject(bytes, headers, nowMs);
  if ('failure' in body) return { kind: 'failed', failure: body.failure };
  const { answer } = body;
  if (isSet(answer['error'])) {
    return { kind: 'failed', failure: classifyErrorInBody(answer, headers, nowMs) };
  }
  const id = operation === 'responses' && isUnderWay(answer) ? responseIdOf(answer['id']) : null;
  if (id !== null) return { kind: 'under way', id };
  const failure = BY_COMPLETENESS[OPERATIONS[operation].completeness(answer)];
  return failure === null
    ? { kind: 'completed', facts: factsOf(operation, answer) }
    : { kind: 'failed', failure };
}

/** Reads the JSON object of a 2xx, or says what is there instead: rows 8 to 11, 20 and 21. */
export function readObject(
  bytes: Uint8Array,
  headers: Headers,
  nowMs: number,
): { readonly answer: Record<string, unknown> } | { readonly failure: UpstreamFailure } {
  const contentType = headers.get('content-type') ?? '';
  if (bytes.length === 0) return { failure: noCompletion('an empty body') };
  if (isWhiteSpace(bytes)) return { failure: CLOSED_IN_QUEUE };
  const text = decode(bytes);
  const body = parseLeniently(text);
  if (body === undefined) {
    if (contentType.includes('text/event-stream')) {
      return { failure: classifyEventStream(text, headers, nowMs) };
    }
    return {
      failure: looksLikeJson(bytes, contentType)
        ? row({ ...UNREADABLE, detail: whyUnreadable(bytes, headers) })
        : noCompletion(/^\s*</.test(text) ? 'a page instead of JSON' : 'a body that is not JSON'),
    };
  }
  return isObject(body) ? { answer: body } : { failure: noCompletion('JSON that is not an object') };
}

/** Whether the bytes are only JSON white space, such as the empty lines that a queue sends. */
export function isWhiteSpace(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

/** The row for each result of the operation's completeness rule. */
const BY_COMPLETENESS: Readonly<Record<Completeness, UpstreamFailure | null>> = {
  complete: null,
  no_result: noCompletion('JSON that holds no result'),
  unfinished: row({ code: 'upstream_incomplete', retry: Retry.twice }),
  error: row({
    code: 'upstream_error_in_body',
    ...LOST,
    detail: 'a result that the upstream marked as failed',
  }),
};

/**
 * Chooses between row 8b and row 9. A proxy's HTML page is not JSON, even if the proxy kept the JSON content
 * type.
 */
function looksLikeJson(bytes: Uint8Array, contentType: string): boolean {
  const start = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  return /^[{[]/.test(start) || (/\bjson\b/.test(contentType) && !start.startsWith('<'));
}

function whyUnreadable(bytes: Uint8Array, headers: Headers): string {
  if (bytes[0] === 0x7b || bytes[0] === 0x5b) return 'malformed JSON';
  return headers.has('content-encoding')
    ? 'a body that does not match its content encoding'
    : 'a body that cannot be read as JSON';
}

/**
 * Decodes the body for classification. Invalid UTF-8 is read as replacement characters, but the caller gets
 * the original bytes. A byte order mark is kept, because the client has already removed the one that is
 * allowed at the start.
 */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/**
 * Classifies row 12: a 200 with an `error`. A three-digit code is treated as the HTTP status that it names.
 * Other names count only if they are well known. The outcome stays unknown, because the model may have run.
 *
 * @param json the body that holds the error
 */
export function classifyErrorInBody(json: unknown, headers: Headers, nowMs: number): UpstreamFailure {
  const body = errorBodyOf(json);
  const status = Number(/^[45]\d\d$/.exec(body.words.upstreamCode ?? '')?.[0] ?? NaN);
  const like = Number.isNaN(status) ? null : classifyStatus({ status, headers, body }, nowMs);
  return row({
    code: 'upstream_error_in_body',
    retry: like?.retry ?? namedRetry(),
    backoff: like?.backoff ?? (asksToSlowDown(body) ? Backoff.overload : Backoff.usual),
    retryAfterMs: toldDelayMs(headers, body, nowMs, isRate(body) ? 429 : status),
    detail: like === null ? null : `an error inside, with the code ${status}`,
    ...body.words,
  });

  function namedRetry(): Retry {
    if (isBilling(body) || blamesRequest(body)) return Retry.never;
    if (isLargerThanLimit(body)) return Retry.few;
    return isRate(body) || saysOverloaded(body) ? Retry.always : Retry.twice;
  }
}
