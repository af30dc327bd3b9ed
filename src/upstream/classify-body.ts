import { isObject } from '../domain/run.ts';
import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { classifyEventStream } from './event-stream.ts';
import { classifyStatus, isBillingCode } from './classify-status.ts';
import { LOST, row } from './failure.ts';
import { plainIdentifier } from './identifiers.ts';

const TWICE = { retry: Retry.twice } as const;
const RATE_CODES: ReadonlySet<string> = new Set(['rate_limit_exceeded', 'slow_down', 'rate_limit_error']);

/** The rows 8 to 19: a 2xx. Null for a completion, whatever its content type says. */
export function classifyBody(bytes: Uint8Array, headers: Headers): UpstreamFailure | null {
  const contentType = headers.get('content-type') ?? '';
  const text = decode(bytes);
  if (text !== null && text.trim() === '') return row({ code: 'upstream_invalid_response', ...TWICE });
  if (text !== null && contentType.includes('text/event-stream')) return classifyEventStream(text);
  const body = text === null ? undefined : parse(text);
  if (body === undefined) {
    const wasJson = /\bjson\b/.test(contentType) || text?.trimStart().startsWith('{') === true;
    return wasJson
      ? row({ code: 'upstream_invalid_response', ...LOST })
      : row({ code: 'upstream_invalid_response', ...TWICE });
  }
  if (!isObject(body)) return row({ code: 'upstream_invalid_response', ...TWICE });
  if (isObject(body['error'])) return errorInBody(body['error'], headers);
  return classifyChoices(body['choices']);
}

function classifyChoices(choices: unknown): UpstreamFailure | null {
  if (!Array.isArray(choices) || choices.length === 0) return row({ code: 'upstream_invalid_response', ...TWICE });
  for (const choice of choices) {
    if (!isObject(choice)) return row({ code: 'upstream_invalid_response', ...TWICE });
    if (isObject(choice['error']) || choice['finish_reason'] === 'error') {
      return row({ code: 'upstream_error_in_body', ...LOST });
    }
    if ((choice['finish_reason'] ?? null) === null && !hasContent(choice['message'])) {
      return row({ code: 'upstream_incomplete', ...TWICE });
    }
  }
  return null;
}

function hasContent(message: unknown): boolean {
  if (!isObject(message)) return false;
  const { content, tool_calls: tools, function_call: call, refusal } = message;
  const filled = (value: unknown): boolean => (typeof value === 'string' || Array.isArray(value)) && value.length > 0;
  return filled(content) || filled(tools) || filled(refusal) || isObject(call);
}

/** Row 12: a number is a status in disguise; of names, only well-known ones are believed. */
function errorInBody(error: Record<string, unknown>, headers: Headers): UpstreamFailure {
  const { code: inner } = error;
  const code = plainIdentifier(inner) ?? '';
  const retry =
    typeof inner === 'number'
      ? classifyStatus({ status: inner, headers, error: {} }, 0).retry
      : isBillingCode(code)
        ? Retry.never
        : RATE_CODES.has(code)
          ? Retry.always
          : Retry.twice;
  return row({
    code: 'upstream_error_in_body',
    retry,
    upstreamCode: typeof inner === 'number' ? String(inner) : plainIdentifier(inner),
    upstreamType: plainIdentifier(error['type']),
    upstreamParam: plainIdentifier(error['param']),
  });
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
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
