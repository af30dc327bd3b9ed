import { type Completeness, isSet } from '../domain/completeness.ts';
import { type Operation, OPERATIONS } from '../domain/operations.ts';
import { Backoff, LOST, Retry, row, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { classifyStatus } from './classify-status.ts';
import { errorWords, isBilling } from './error-object.ts';
import { parseRetryAfterMs } from './retry-after.ts';
import { isObject } from '../domain/raw-json.ts';

const NO_COMPLETION = row({ code: 'upstream_invalid_response', retry: Retry.twice });

/** The rows 8 to 19: a 2xx. Null for a completion, whatever its content type says. */
export function classifyBody(
  operation: Operation,
  bytes: Uint8Array,
  headers: Headers,
  nowMs: number,
): UpstreamFailure | null {
  const contentType = headers.get('content-type') ?? '';
  const text = decode(bytes);
  if (text?.trim() === '') return NO_COMPLETION;
  const body = text === null ? undefined : parse(text);
  if (body === undefined) {
    if (text !== null && contentType.includes('text/event-stream')) return classifyEventStream(text);
    return looksLikeJson(bytes, contentType)
      ? row({ code: 'upstream_invalid_response', ...LOST })
      : NO_COMPLETION;
  }
  if (!isObject(body)) return NO_COMPLETION;
  if (isSet(body['error'])) return classifyErrorInBody(body['error'], headers, nowMs);
  return BY_COMPLETENESS[OPERATIONS[operation].completeness(body)];
}

/** The operation's own rule, in the table's rows. */
const BY_COMPLETENESS: Readonly<Record<Completeness, UpstreamFailure | null>> = {
  complete: null,
  no_result: NO_COMPLETION,
  unfinished: row({ code: 'upstream_incomplete', retry: Retry.twice }),
  error: row({ code: 'upstream_error_in_body', ...LOST }),
};

/** Row 8 or row 9: a proxy's HTML page is none, not even under the content type that the proxy kept. */
function looksLikeJson(bytes: Uint8Array, contentType: string): boolean {
  const start = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  return /^[{[]/.test(start) || (/\bjson\b/.test(contentType) && !start.startsWith('<'));
}

/** A byte order mark stays: what is judged is what is passed on, from which the one that may be is cut already. */
function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const RATE_CODES: ReadonlySet<string> = new Set(['rate_limit_exceeded', 'slow_down', 'rate_limit_error']);

/**
 * Row 12: a 200 with an `error`. A three-digit code is a status in disguise; of names, only well-known ones
 * are believed. Its model may have run all the same, so the outcome stays unknown.
 */
export function classifyErrorInBody(error: unknown, headers: Headers, nowMs: number): UpstreamFailure {
  const words = errorWords(error);
  const code = words.upstreamCode ?? '';
  const like = /^[45]\d\d$/.test(code)
    ? classifyStatus({ status: Number(code), headers, words }, nowMs)
    : null;
  const named = isBilling(words) ? Retry.never : RATE_CODES.has(code) ? Retry.always : Retry.twice;
  return row({
    code: 'upstream_error_in_body',
    retry: like?.retry ?? named,
    backoff: like?.backoff ?? (code === 'slow_down' ? Backoff.overload : Backoff.usual),
    retryAfterMs: parseRetryAfterMs(headers, nowMs),
    ...words,
  });
}

/** The rows 20, 21 and, for a whole stream, 9: an upstream that streams although it was not asked to. */
export function classifyEventStream(text: string): UpstreamFailure {
  const events = [...text.matchAll(/^data:(.*)$/gm)].map(([, data]) => (data ?? '').trim());
  const chunks = events.map(parseEvent);
  if (/^event:\s*error\s*$/m.test(text) || chunks.some(carriesError)) {
    return row({ code: 'upstream_error_in_stream', ...LOST });
  }
  return events.includes('[DONE]') || chunks.some(isEnd)
    ? row({ code: 'upstream_invalid_response', retry: Retry.twice })
    : row({ code: 'upstream_stream_truncated', ...LOST });
}

function carriesError(chunk: unknown): boolean {
  if (!isObject(chunk)) return false;
  return (chunk['error'] ?? null) !== null || finishReasons(chunk).includes('error');
}

function isEnd(chunk: unknown): boolean {
  return isObject(chunk) && finishReasons(chunk).some((reason) => typeof reason === 'string');
}

function finishReasons({ choices }: Record<string, unknown>): unknown[] {
  return Array.isArray(choices) ? choices.filter(isObject).map((choice) => choice['finish_reason']) : [];
}

function parseEvent(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
