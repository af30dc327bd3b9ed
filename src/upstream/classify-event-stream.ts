import { isFailedFinish, isSet } from '../domain/completeness.ts';
import { parseLeniently } from '../domain/lenient-json.ts';
import { isObject } from '../domain/raw-json.ts';
import { Backoff, LOST, Retry, row, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Outcome } from '../domain/vocabulary.ts';
import { classifyStatus } from './classify-status.ts';
import { errorBodyOf } from './error-body.ts';
import { isBilling, isRate, saysOverloaded } from './error-meaning.ts';

/**
 * Classifies an event stream that the upstream sent although no stream was requested: rows 20 and 21 of
 * docs/upstream-outcomes.md, and row 9 for a whole stream.
 */
export function classifyEventStream(text: string, headers: Headers, nowMs: number): UpstreamFailure {
  const events = [...text.matchAll(/^data:(.*)$/gm)].map(([, data]) => (data ?? '').trim());
  const chunks = events.map(parseLeniently);
  const failed = chunks.findIndex(carriesError);
  if (failed >= 0 || /^event:\s*error\s*$/m.test(text)) {
    const hasContent = chunks.slice(0, Math.max(failed, 0)).some(isContent);
    return classifyStreamError(chunks[failed], hasContent, headers, nowMs);
  }
  if (events.length > 0 && (events.includes('[DONE]') || chunks.some(isEnd))) {
    return row({
      code: 'upstream_invalid_response',
      retry: Retry.twice,
      detail: 'an event stream, which was not requested',
    });
  }
  return classifyUnfinished(events.length > 0);
}

/**
 * Classifies row 20, an error in an event stream.
 *
 * @param event the event that carries the error
 * @param hasContent whether the stream has brought a part of the answer
 */
export function classifyStreamError(
  event: unknown,
  hasContent: boolean,
  headers: Headers,
  nowMs: number,
): UpstreamFailure {
  return (hasContent ? null : beforeContent(errorOf(event), headers, nowMs)) ?? IN_THE_STREAM;
}

/** Classifies row 21, an event stream that ended before its answer did. */
export function classifyUnfinished(hasEvents: boolean): UpstreamFailure {
  if (hasEvents) return row({ code: 'upstream_stream_truncated', ...LOST });
  // DeepSeek sends the comment `: keep-alive` while inference has not begun.
  return row({ code: 'upstream_overloaded', backoff: Backoff.overload, detail: ONLY_COMMENTS });
}

const IN_THE_STREAM = row({ code: 'upstream_error_in_stream', ...LOST });
const ONLY_COMMENTS =
  'the event stream ended with only comments, which an upstream sends to keep a queued call alive';

/** Brings the error of an event into the form of an error body. Responses have it elsewhere than chunks. */
function errorOf(event: unknown): unknown {
  if (!isObject(event)) return event;
  const { type, response, code, message, param } = event;
  if (type === 'response.failed' && isObject(response)) return { error: response['error'] };
  return type === 'error' && !isSet(event['error']) ? { error: { code, message, param } } : event;
}

/**
 * Classifies row 20, an error before any content, as rows 35 to 40 do. Null if the error matches none of
 * them.
 */
function beforeContent(chunk: unknown, headers: Headers, nowMs: number): UpstreamFailure | null {
  const body = errorBodyOf(chunk);
  const code = body.words.upstreamCode ?? '';
  const status = /^[45]\d\d$/.test(code)
    ? Number(code)
    : isRate(body) || isBilling(body)
      ? 429
      : saysOverloaded(body)
        ? 503
        : null;
  if (status === null) return null;
  const like = classifyStatus({ status, headers, body }, nowMs);
  if (like.outcome !== Outcome.notRun) return null;
  return {
    ...like,
    code: 'upstream_error_in_stream',
    detail: `an event stream with an error that means ${status}`,
  };
}

function carriesError(chunk: unknown): boolean {
  return isObject(chunk) && (isSet(chunk['error']) || finishReasons(chunk).some(isFailedFinish));
}

function isContent(chunk: unknown): boolean {
  return isObject(chunk) && Array.isArray(chunk['choices']) && chunk['choices'].length > 0;
}

function isEnd(chunk: unknown): boolean {
  return isObject(chunk) && finishReasons(chunk).some((reason) => typeof reason === 'string');
}

function finishReasons({ choices }: Record<string, unknown>): unknown[] {
  return Array.isArray(choices) ? choices.filter(isObject).map((choice) => choice['finish_reason']) : [];
}
