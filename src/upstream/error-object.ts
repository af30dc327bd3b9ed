import type { APIError } from 'openai';
import type { UpstreamFailure } from '../domain/upstream-failure.ts';
import { isObject } from '../domain/raw-json.ts';

/** What may be kept of an upstream's `error` object, and what the classifier reads. Never its message. */
export type ErrorWords = Pick<UpstreamFailure, 'upstreamCode' | 'upstreamType' | 'upstreamParam'>;

/** Numbers stand for a status (OpenRouter); everything that is no plain identifier is dropped. */
export function errorWords(error: unknown): ErrorWords {
  const { code, type, param } = isObject(error) ? error : {};
  return {
    upstreamCode: typeof code === 'number' ? plainIdentifier(String(code)) : plainIdentifier(code),
    upstreamType: plainIdentifier(type),
    upstreamParam: plainIdentifier(param),
  };
}

/** The words of a refusal. The SDK hands the body's `error` on, undefined where the body was not readable. */
export function refusalWords(error: APIError): ErrorWords {
  return errorWords(error.error);
}

/**
 * Terminal although they come as a 429: time does not bring money. Their common `type` alone does not tell
 * them from others, unless there is no code.
 */
export function isBilling({ upstreamCode, upstreamType }: ErrorWords): boolean {
  return upstreamCode === null ? upstreamType === 'insufficient_quota' : BILLING_CODES.has(upstreamCode);
}

const BILLING_CODES: ReadonlySet<string> = new Set([
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
]);

/** What may be kept of an upstream's words: plain identifiers, never text that could quote a prompt. */
const PLAIN = /^[A-Za-z0-9_.\-[\]]{1,64}$/;

/** The value itself where it is a plain identifier, else null. */
export function plainIdentifier(value: unknown): string | null {
  return typeof value === 'string' && PLAIN.test(value) ? value : null;
}

/** The upstream's own id of a call, for its support: `x-request-id`, or `request-id`. */
export function requestIdOf(headers: Headers): string | null {
  return plainIdentifier(headers.get('x-request-id')) ?? plainIdentifier(headers.get('request-id'));
}
