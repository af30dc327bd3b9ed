import { RESPONSE_REQUEST_FAULTS } from '../domain/response-errors.ts';
import { REJECTED, Retry, type Row } from '../domain/upstream-failure.ts';
import { Billed } from '../domain/vocabulary.ts';
import { isObject } from '../domain/raw-json.ts';
import type { ErrorBody } from './error-body.ts';
import { plainIdentifier } from './error-object.ts';
import {
  ACCOUNT_WORDS,
  BILLING_NAME,
  BILLING_NAMES,
  BILLING_WORDS,
  CONTENT_NAMES,
  CONTENT_WORDS,
  CREDENTIAL_WORDS,
  OVERLOAD_NAMES,
  OVERLOAD_WORDS,
  PROVIDER_WORDS,
  PROXY_WORDS,
  RATE_NAMES,
  RATE_WORDS,
} from './provider-names.ts';

/**
 * Whether the error is about money or a spending limit. It is terminal, also as a 429, because waiting does
 * not help. The first known name decides: providers reuse a `type` of the billing family, and it must not
 * overrule a `code` that names a rate limit.
 */
export function isBilling({ names, text }: ErrorBody): boolean {
  if (RATE_WORDS.test(text)) return false;
  const isMoney = (name: string): boolean => BILLING_NAMES.has(name) || BILLING_NAME.test(name);
  const known = names.find((name) => isMoney(name) || RATE_NAMES.has(name));
  return (known !== undefined && isMoney(known)) || BILLING_WORDS.test(text);
}

/** Whether the error blames the request itself, so that another try would end in the same way. */
export function blamesRequest({ names }: ErrorBody): boolean {
  return names.some((name) => RESPONSE_REQUEST_FAULTS.has(name));
}

/** Whether one of the names is a rate limit. */
export function isRate({ names }: ErrorBody): boolean {
  return names.some((name) => RATE_NAMES.has(name));
}

/**
 * Whether this request alone is larger than the limit: row 37b of docs/upstream-outcomes.md. OpenAI and Groq
 * write: "Request too large for ... on tokens per min (TPM): Limit 30000, Requested 45411". The same sentence
 * with a request below the limit is an ordinary rate limit. Google writes "limit: 0" if the account has no
 * limit of this kind.
 */
export function isLargerThanLimit({ text }: ErrorBody): boolean {
  const limit = /\blimit(?: is|:)? ?(\d[\d,]*)/.exec(text)?.[1];
  const requested = /\brequested(?: is|:)? ?(\d[\d,]*)/.exec(text)?.[1];
  if (/\blimit: 0\b(?! (?:\w+ )?(?:remaining|left))/.test(text)) return true;
  if (limit === undefined || requested === undefined) return /\brequest(?: is)? too large\b/.test(text);
  return Number(requested.replaceAll(',', '')) > Number(limit.replaceAll(',', ''));
}

/** Whether the provider's documented error proves that it started no work: rows 40 and 40b. */
export function saysOverloaded(body: ErrorBody): boolean {
  if (isProxysWord(body)) return false;
  return body.names.some((name) => OVERLOAD_NAMES.has(name)) || OVERLOAD_WORDS.test(body.text);
}

/** Whether the error asks for a slower pace: by the name `slow_down`, or because the provider is overloaded. */
export function asksToSlowDown(body: ErrorBody): boolean {
  return body.names.includes('slow_down') || saysOverloaded(body);
}

/**
 * Whether the body may come from a proxy: a text, a page, or an error in the words that proxies use. Such a
 * body does not prove that the upstream started no work.
 */
export function isProxysWord({ json, text }: ErrorBody): boolean {
  return !isApiError(json) || PROXY_WORDS.test(text);
}

/**
 * Whether a status that providers document as a refusal may be trusted. A plain-text body, or one in the
 * words that proxies use, proves nothing.
 */
export function isDocumentedRefusal({ text, plainText }: ErrorBody): boolean {
  return plainText === '' && !PROXY_WORDS.test(text);
}

/**
 * Whether the JSON has the form of an LLM API's error, or is an empty object. Gateways send a bare
 * `{"message": ...}` (Kong, AWS), so it counts only if the message mentions a model's capacity.
 */
function isApiError(json: unknown): boolean {
  if (Array.isArray(json)) return json.some(isApiError);
  if (!isObject(json)) return false;
  const { error, errors, detail, object, type, code, timestamp, path } = json;
  // This is Spring's error page, which its gateway sends.
  if (timestamp !== undefined && path !== undefined) return false;
  // The reason phrase of the status alone does not show that the provider wrote it.
  const isPhrase = typeof error === 'string' && /^(?:service (?:temporarily )?unavailable)?\W*$/i.test(error);
  const hasError = (isObject(error) || Array.isArray(errors) || typeof error === 'string') && !isPhrase;
  const saysWhy = typeof json['message'] === 'string' && PROVIDER_WORDS.test(json['message']);
  const isNamed = plainIdentifier(type) !== null || plainIdentifier(code) !== null;
  const isError = hasError || detail !== undefined || object === 'error' || isNamed || saysWhy;
  return isError || Object.keys(json).length === 0;
}

/**
 * Classifies a 403: rows 25 and 25b. Some providers charge for a request that they refused for its content.
 * No provider charges for refused credentials. An error that mentions neither is the upstream's refusal of
 * this request.
 */
export function forbiddenRow(body: ErrorBody): Row {
  const auth: Row = { code: 'upstream_auth_failed', ...REJECTED };
  const content: Row = {
    code: 'upstream_rejected',
    ...REJECTED,
    billed: Billed.maybe,
    detail: 'it found the content unfit',
  };
  if (body.names.some((name) => CONTENT_NAMES.has(name)) || isFlagged(body.json, 0)) return content;
  if (ACCOUNT_WORDS.test(body.text)) return auth;
  if (CONTENT_WORDS.test(body.text)) return content;
  if (!hasWords(body.text) || CREDENTIAL_WORDS.test(body.text)) return auth;
  return { code: 'upstream_rejected', ...REJECTED, retry: Retry.never, billed: Billed.maybe };
}

/** Whether the text is a sentence. One or two words add nothing to the status. */
function hasWords(text: string): boolean {
  return (text.match(/\p{L}+/gu) ?? []).length > 2;
}

/**
 * Whether moderation flagged the content. OpenRouter: `metadata.reasons` and `metadata.flagged_input`
 * (openrouter.ai/docs/api/reference/errors-and-debugging).
 */
function isFlagged(value: unknown, depth: number): boolean {
  if (!isObject(value) || depth > 4) return false;
  return Object.entries(value).some(
    ([name, inner]) =>
      /^(flagged_input|moderation|content_filter_results?)$/.test(name) || isFlagged(inner, depth + 1),
  );
}
