import { isObject } from '../domain/raw-json.ts';
import type { UpstreamFailure } from '../domain/upstream-failure.ts';

/** The identifiers of an upstream's error that may be stored. Never its message. */
export type ErrorWords = Pick<UpstreamFailure, 'upstreamCode' | 'upstreamType' | 'upstreamParam'>;

/** Pattern of a plain identifier. Only these are stored, because other text could quote a prompt. */
const PLAIN = /^[A-Za-z0-9_.\-[\]]{1,64}$/;

/** Returns the value if it is a plain identifier, else null. */
export function plainIdentifier(value: unknown): string | null {
  return typeof value === 'string' && PLAIN.test(value) ? value : null;
}

/** Whether a `code` only repeats an HTTP status, as OpenRouter's and LiteLLM's do. */
export function isStatusLike(code: string): boolean {
  return /^[1-5]\d\d$/.test(code);
}

/**
 * Reads the name of the invalid field from FastAPI's `loc`: `["body", "messages", 0, "content"]` is
 * `messages[0].content`.
 */
export function paramOf(loc: unknown): string | null {
  if (!Array.isArray(loc)) return null;
  const path = loc[0] === 'body' ? loc.slice(1) : loc;
  const param = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return plainIdentifier(param.replace(/^\./, ''));
}

/**
 * The upstream's id of a call, for its support: `x-request-id` or `request-id`. If the header was sent twice,
 * the last value is the server's, because proxies put theirs before it.
 */
export function requestIdOf(headers: Headers): string | null {
  return lastIdentifier(headers.get('x-request-id')) ?? lastIdentifier(headers.get('request-id'));
}

/** The upstream's id of a call from the body, where Anthropic, Alibaba and Zhipu put it. */
export function requestIdIn(json: unknown): string | null {
  return isObject(json) ? (plainIdentifier(json['request_id']) ?? plainIdentifier(json['requestId'])) : null;
}

function lastIdentifier(values: string | null): string | null {
  const identifiers = (values ?? '').split(',').flatMap((value) => plainIdentifier(value.trim()) ?? []);
  return identifiers.at(-1) ?? null;
}
