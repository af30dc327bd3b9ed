import type { APIError } from 'openai';
import { isObject } from '../domain/run.ts';
import type { UpstreamFailure } from '../domain/upstream-failure.ts';
import { plainIdentifier } from './identifiers.ts';

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
