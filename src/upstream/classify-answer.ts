import { type Completeness, isSet } from '../domain/completeness.ts';
import { parseLeniently } from '../domain/lenient-json.ts';
import { type Operation, OPERATIONS } from '../domain/operations.ts';
import { isObject } from '../domain/raw-json.ts';
import { Backoff, LOST, Retry, row, UNREADABLE, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { classifyEventStream } from './classify-event-stream.ts';
import { classifyStatus } from './classify-status.ts';
import { errorBodyOf } from './error-body.ts';
import { isBilling, isLargerThanLimit, isRate, saysOverloaded } from './error-meaning.ts';
import { toldDelayMs } from './told-delay.ts';

const noCompletion = (detail: string): UpstreamFailure =>
  row({ code: 'upstream_invalid_response', retry: Retry.twice, detail });

/**
 * Row 10b: DeepSeek keeps a waiting call alive with empty lines and closes it when inference has not begun in time
 * (api-docs.deepseek.com/quick_start/rate_limit). Who else closes it proves nothing of the kind.
 */
export const CLOSED_IN_QUEUE = row({
  code: 'upstream_overloaded',
  backoff: Backoff.overload,
  detail: 'nothing but white space, which is how a queue keeps a call alive, came before the end',
});

/** The rows 8 to 19: a 2xx. Null for a completion, whatever its content type says. */
export function classifyBody(
  operation: Operation,
  bytes: Uint8Array,
  headers: Headers,
  nowMs: number,
): UpstreamFailure | null {
  const contentType = headers.get('content-type') ?? '';
  if (bytes.length === 0) return noCompletion('an empty body');
  if (isWhiteSpace(bytes)) return CLOSED_IN_QUEUE;
  const text = decode(bytes);
  const body = parseLeniently(text);
  if (body === undefined) {
    if (contentType.includes('text/event-stream')) return classifyEventStream(text, headers, nowMs);
    return looksLikeJson(bytes, contentType)
      ? row({ ...UNREADABLE, detail: whyUnreadable(bytes, headers) })
      : noCompletion(/^\s*</.test(text) ? 'a page instead of JSON' : 'a body that is no JSON');
  }
  if (!isObject(body)) return noCompletion('JSON that is no object');
  if (isSet(body['error'])) return classifyErrorInBody(body, headers, nowMs);
  return BY_COMPLETENESS[OPERATIONS[operation].completeness(body)];
}

/** JSON's own white space: a queue's empty lines, and the like. */
export function isWhiteSpace(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09);
}

/** The operation's own rule, in the table's rows. */
const BY_COMPLETENESS: Readonly<Record<Completeness, UpstreamFailure | null>> = {
  complete: null,
  no_result: noCompletion('JSON that holds no result'),
  unfinished: row({ code: 'upstream_incomplete', retry: Retry.twice }),
  error: row({
    code: 'upstream_error_in_body',
    ...LOST,
    detail: 'a result that it says it broke off itself',
  }),
};

/** Row 8b or row 9: a proxy's HTML page is none, not even under the content type that the proxy kept. */
function looksLikeJson(bytes: Uint8Array, contentType: string): boolean {
  const start = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  return /^[{[]/.test(start) || (/\bjson\b/.test(contentType) && !start.startsWith('<'));
}

function whyUnreadable(bytes: Uint8Array, headers: Headers): string {
  if (bytes[0] === 0x7b || bytes[0] === 0x5b) return 'malformed JSON';
  return headers.has('content-encoding')
    ? 'a body that its content encoding does not fit'
    : 'a body that cannot be read as JSON';
}

/**
 * Bytes that are no UTF-8 are judged as replacement characters and passed on as they came. A byte order mark stays:
 * what is judged is what is passed on, from which the one that may be is cut already.
 */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/**
 * Row 12: a 200 with an `error`. A three-digit code is a status in disguise; of names, only well-known ones
 * are believed. Its model may have run all the same, so the outcome stays unknown.
 *
 * @param json the body that holds the error
 */
export function classifyErrorInBody(json: unknown, headers: Headers, nowMs: number): UpstreamFailure {
  const body = errorBodyOf(json);
  const status = Number(/^[45]\d\d$/.exec(body.words.upstreamCode ?? '')?.[0] ?? NaN);
  const like = Number.isNaN(status) ? null : classifyStatus({ status, headers, body }, nowMs);
  const isSlow = body.names.includes('slow_down') || saysOverloaded(body);
  return row({
    code: 'upstream_error_in_body',
    retry: like?.retry ?? namedRetry(),
    backoff: like?.backoff ?? (isSlow ? Backoff.overload : Backoff.usual),
    retryAfterMs: toldDelayMs(headers, body, nowMs, isRate(body) ? 429 : status),
    detail: like === null ? null : `an error inside, which stands for ${status}`,
    ...body.words,
  });

  function namedRetry(): Retry {
    if (isBilling(body)) return Retry.never;
    if (isLargerThanLimit(body)) return Retry.few;
    return isRate(body) || saysOverloaded(body) ? Retry.always : Retry.twice;
  }
}
