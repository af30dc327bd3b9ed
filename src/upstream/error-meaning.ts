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
 * Terminal, also as a 429: time does not bring money. The first name that is known decides, so that a `type` of the
 * billing family, which its providers reuse, does not overrule a `code` that is a rate's.
 */
export function isBilling({ names, text }: ErrorBody): boolean {
  if (RATE_WORDS.test(text)) return false;
  const isMoney = (name: string): boolean => BILLING_NAMES.has(name) || BILLING_NAME.test(name);
  const known = names.find((name) => isMoney(name) || RATE_NAMES.has(name));
  return (known !== undefined && isMoney(known)) || BILLING_WORDS.test(text);
}

/** Whether one of the names is a rate's. */
export function isRate({ names }: ErrorBody): boolean {
  return names.some((name) => RATE_NAMES.has(name));
}

/**
 * Row 37b, in OpenAI's and Groq's words: "Request too large for ... on tokens per min (TPM): Limit 30000, Requested
 * 45411". The same words with a request below the limit are a rate's. Google: "limit: 0" where the account has none.
 */
export function isLargerThanLimit({ text }: ErrorBody): boolean {
  const limit = /\blimit(?: is|:)? ?(\d[\d,]*)/.exec(text)?.[1];
  const requested = /\brequested(?: is|:)? ?(\d[\d,]*)/.exec(text)?.[1];
  if (/\blimit: 0\b(?! (?:\w+ )?(?:remaining|left))/.test(text)) return true;
  if (limit === undefined || requested === undefined) return /\brequest(?: is)? too large\b/.test(text);
  return Number(requested.replaceAll(',', '')) > Number(limit.replaceAll(',', ''));
}

/** The rows 40 and 40b: the provider's own documented word that it began nothing. */
export function saysOverloaded(body: ErrorBody): boolean {
  if (isProxysWord(body)) return false;
  return body.names.some((name) => OVERLOAD_NAMES.has(name)) || OVERLOAD_WORDS.test(body.text);
}

/** Whether a body is a text, a page, or an error that speaks as proxies do: none proves that nothing was begun. */
export function isProxysWord({ json, text }: ErrorBody): boolean {
  return !isApiError(json) || PROXY_WORDS.test(text);
}

/** A status that its providers document as a refusal; with a text, or in a proxy's words, it proves nothing. */
export function isDocumentedRefusal({ text, plainText }: ErrorBody): boolean {
  return plainText === '' && !PROXY_WORDS.test(text);
}

/**
 * An error in the form of an API of this kind, or an object that says nothing. A bare `{"message": ...}` is what
 * gateways send (Kong, AWS), unless it speaks of a model's capacity.
 */
function isApiError(json: unknown): boolean {
  if (Array.isArray(json)) return json.some(isApiError);
  if (!isObject(json)) return false;
  const { error, errors, detail, object, type, code, timestamp, path } = json;
  // Spring's own error page, which its gateway sends.
  if (timestamp !== undefined && path !== undefined) return false;
  // The status' own phrase is no word of the provider's.
  const isPhrase = typeof error === 'string' && /^(?:service (?:temporarily )?unavailable)?\W*$/i.test(error);
  const hasError = (isObject(error) || Array.isArray(errors) || typeof error === 'string') && !isPhrase;
  const saysWhy = typeof json['message'] === 'string' && PROVIDER_WORDS.test(json['message']);
  const isNamed = plainIdentifier(type) !== null || plainIdentifier(code) !== null;
  const isError = hasError || detail !== undefined || object === 'error' || isNamed || saysWhy;
  return isError || Object.keys(json).length === 0;
}

/**
 * The rows 25 and 25b. Refused for the content, some providers charge; refused for the credentials, nobody does.
 * What speaks of neither is the upstream's refusal of this request.
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

/** A sentence; a word or two beside the status say no more than it does. */
function hasWords(text: string): boolean {
  return (text.match(/\p{L}+/gu) ?? []).length > 2;
}

/** OpenRouter: `metadata.reasons` and `metadata.flagged_input` (openrouter.ai/docs/api/reference/errors-and-debugging). */
function isFlagged(value: unknown, depth: number): boolean {
  if (!isObject(value) || depth > 4) return false;
  return Object.entries(value).some(
    ([name, inner]) =>
      /^(flagged_input|moderation|content_filter_results?)$/.test(name) || isFlagged(inner, depth + 1),
  );
}
