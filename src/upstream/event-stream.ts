import { isObject } from '../domain/run.ts';
import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { LOST, row } from './failure.ts';

/** The rows 20, 21 and, for a whole stream, 9: an upstream that streams although it was not asked to. */
export function classifyEventStream(text: string): UpstreamFailure {
  const events = [...text.matchAll(/^data:(.*)$/gm)].map(([, data]) => (data ?? '').trim());
  const chunks = events.map(parse);
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

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
