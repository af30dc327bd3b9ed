import { isObject } from '../domain/raw-json.ts';
import type { UpstreamFailure } from '../domain/upstream-failure.ts';

/** What may be kept of an upstream's error. Never its message. */
export type ErrorWords = Pick<UpstreamFailure, 'upstreamCode' | 'upstreamType' | 'upstreamParam'>;

/** What may be kept of an upstream's words: plain identifiers, never text that could quote a prompt. */
const PLAIN = /^[A-Za-z0-9_.\-[\]]{1,64}$/;

/** The value itself where it is a plain identifier, else null. */
export function plainIdentifier(value: unknown): string | null {
  return typeof value === 'string' && PLAIN.test(value) ? value : null;
}

/** Whether a `code` only repeats an HTTP status, as OpenRouter's and LiteLLM's do. */
export function isStatusLike(code: string): boolean {
  return /^[1-5]\d\d$/.test(code);
}

/** The field at fault by FastAPI's `loc`: `["body", "messages", 0, "content"]` is `messages[0].content`. */
export function paramOf(loc: unknown): string | null {
  if (!Array.isArray(loc)) return null;
  const path = loc[0] === 'body' ? loc.slice(1) : loc;
  const param = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return plainIdentifier(param.replace(/^\./, ''));
}

/**
 * The upstream's own id of a call, for its support: `x-request-id`, or `request-id`. Of one that was sent twice the
 * last is the server's own: proxies put theirs before it.
 */
export function requestIdOf(headers: Headers): string | null {
  return lastIdentifier(headers.get('x-request-id')) ?? lastIdentifier(headers.get('request-id'));
}

/** The same where it stands in the body alone: Anthropic, Alibaba, Zhipu. */
export function requestIdIn(json: unknown): string | null {
  return isObject(json) ? (plainIdentifier(json['request_id']) ?? plainIdentifier(json['requestId'])) : null;
}

function lastIdentifier(values: string | null): string | null {
  const identifiers = (values ?? '').split(',').flatMap((value) => plainIdentifier(value.trim()) ?? []);
  return identifiers.at(-1) ?? null;
}
