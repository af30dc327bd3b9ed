import { isObject } from '../domain/run.ts';
import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { classifyErrorInBody } from './classify-error-in-body.ts';
import { classifyEventStream } from './event-stream.ts';
import { LOST, row } from './failure.ts';

const NO_COMPLETION = row({ code: 'upstream_invalid_response', retry: Retry.twice });

/** The rows 8 to 19: a 2xx. Null for a completion, whatever its content type says. */
export function classifyBody(bytes: Uint8Array, headers: Headers, nowMs: number): UpstreamFailure | null {
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
  return classifyChoices(body['choices']);
}

function classifyChoices(choices: unknown): UpstreamFailure | null {
  if (!Array.isArray(choices) || choices.length === 0) return NO_COMPLETION;
  for (const choice of choices) {
    if (!isObject(choice)) return NO_COMPLETION;
    if (isSet(choice['error']) || choice['finish_reason'] === 'error') {
      return row({ code: 'upstream_error_in_body', ...LOST });
    }
    if ((choice['finish_reason'] ?? null) === null && !hasContent(choice['message'])) {
      return row({ code: 'upstream_incomplete', retry: Retry.twice });
    }
  }
  return null;
}

function hasContent(message: unknown): boolean {
  if (!isObject(message)) return false;
  const { content, tool_calls: tools, function_call: call, refusal, audio } = message;
  const filled = (value: unknown): boolean =>
    (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
  return filled(content) || filled(tools) || filled(refusal) || isObject(call) || isObject(audio);
}

/** Some upstreams send `error: null`, `false` or `""` with every completion. */
function isSet(error: unknown): boolean {
  return error !== undefined && error !== null && error !== false && error !== '';
}

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
