import { isObject } from '../domain/raw-json.ts';
import { parseLeniently } from '../domain/lenient-json.ts';
import { type ErrorWords, isStatusLike, paramOf, plainIdentifier } from './error-object.ts';

/** The readable part of an error: of a refusal's body, or of a 200 that holds an error. */
export interface ErrorBody {
  /** The identifiers that may be stored. */
  readonly words: ErrorWords;
  /** The names of the error, the most specific first. A name that only repeats a status is left out. */
  readonly names: readonly string[];
  /** The sentences of the error in lower case. Only for pattern tests; never stored, logged or shown. */
  readonly text: string;
  /** The parsed body; undefined if it is not JSON. */
  readonly json: unknown;
  /**
   * The beginning of a body that is not JSON, in lower case. Empty if the body is JSON or was not read.
   * Treated like `text`: never stored, logged or shown.
   */
  readonly plainText: string;
}

/** Reads the body of a refusal. Pass null if the body could not be read. */
export function readErrorBody(bytes: Uint8Array | null): ErrorBody {
  if (bytes === null) return errorBodyOf(undefined);
  const text = new TextDecoder().decode(bytes);
  const json = parseLeniently(text);
  const plainText = json === undefined ? text.trim().slice(0, MAX_TEXT).toLowerCase() : '';
  return { ...errorBodyOf(json), plainText };
}

/** Reads the error in a body that is already parsed. */
export function errorBodyOf(json: unknown): ErrorBody {
  const error = errorIn(json, 0);
  const { code, type, param } = error;
  const upstreamCode = [code, error['error_code'], error['errorCode'], error['status']]
    .map((name) => (typeof name === 'number' ? plainIdentifier(String(name)) : plainIdentifier(name)))
    .find((name) => name !== null);
  const upstreamType = plainIdentifier(type) ?? plainIdentifier(error['error_type']);
  const bareName = isObject(json) ? plainIdentifier(json['error']) : null;
  const names = [
    ...deeperNames(error),
    upstreamCode,
    plainIdentifier(error['status']),
    upstreamType,
    bareName,
  ].filter((name) => typeof name === 'string' && !isStatusLike(name));
  return {
    words: {
      upstreamCode: upstreamCode ?? null,
      upstreamType,
      upstreamParam: plainIdentifier(param) ?? paramOf(error['loc']),
    },
    names: names.flatMap((name) => name ?? []),
    text: sentences(json, 0).join(' ').slice(0, MAX_TEXT).toLowerCase(),
    json,
    plainText: '',
  };
}

/** Characters of text to test. Enough for the error sentences of any provider. */
const MAX_TEXT = 8_192;

/**
 * Finds the error object of a body. Forms in use: OpenAI's `error`, a list of such objects (Google), `errors`
 * (Cloudflare), `detail` (FastAPI; under `message` at Mistral), a text next to a `code` (xAI), or the members
 * at the top level (vLLM).
 */
function errorIn(body: unknown, depth: number): Readonly<Record<string, unknown>> {
  if (depth > 4) return {};
  if (Array.isArray(body)) return errorIn(body.find(isObject), depth + 1);
  if (!isObject(body)) return {};
  for (const member of ['error', 'errors', 'detail', 'fault', 'message']) {
    const inner: unknown = Array.isArray(body[member]) ? body[member].find(isObject) : body[member];
    if (isObject(inner)) return { ...siblingsOf(body), ...errorIn(inner, depth + 1) };
  }
  return body;
}

/**
 * The error members next to the error object. Anthropic sends `type: "error"` next to it, and vLLM `object:
 * "error"`.
 */
function siblingsOf({ code, type, param, error_type }: Record<string, unknown>): Record<string, unknown> {
  const siblings = { code, param, error_type, type: type === 'error' ? undefined : type };
  return Object.fromEntries(Object.entries(siblings).filter(([, value]) => (value ?? null) !== null));
}

/**
 * Reads names deeper in the error: Anthropic's `details.error_code`, Azure's `innererror.code`, OpenRouter's
 * `metadata.error_type`.
 */
function deeperNames({
  details,
  innererror,
  metadata,
}: Readonly<Record<string, unknown>>): (string | null)[] {
  const inner = [details, innererror, metadata].filter(isObject);
  return inner.flatMap((object) => [
    plainIdentifier(object['error_code']),
    plainIdentifier(object['code']),
    plainIdentifier(object['error_type']),
  ]);
}

/** Members that may quote the prompt. Their text is not read as the upstream's own sentences. */
const QUOTES =
  /^(input|flagged_input|prompt|messages?_?content|body|failed_generation|output|choices|raw|url|ctx)$/;

function sentences(value: unknown, depth: number): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || depth > 5) return [];
  if (Array.isArray(value)) return value.slice(0, 20).flatMap((item) => sentences(item, depth + 1));
  return Object.entries(value).flatMap(([name, inner]) =>
    QUOTES.test(name) ? [] : sentences(inner, depth + 1),
  );
}

/**
 * Whether a refusal contains model output, or counts output tokens. In both cases the model ran. Groq sends
 * `failed_generation` (console.groq.com/docs/errors); gateways pass on the other members.
 */
export function carriesOutput(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > 5) return false;
  if (Array.isArray(value)) return value.slice(0, 20).some((item) => carriesOutput(item, depth + 1));
  if ('role' in value && value.role === 'assistant' && 'content' in value && isFilled(value.content))
    return true;
  return Object.entries(value).some(([name, inner]) => {
    if (OUTPUT.test(name) && isFilled(inner)) return true;
    // OpenRouter passes its provider's refusal on as a JSON string.
    if (name === 'raw' && typeof inner === 'string') return carriesOutput(parseLeniently(inner), depth + 1);
    if (OUTPUT_TOKENS.test(name) && typeof inner === 'number' && inner > 0) return true;
    return !QUOTES_INPUT.test(name) && carriesOutput(inner, depth + 1);
  });
}

const OUTPUT =
  /^(failed_(?:generation|output)|partial(?:_[a-z_]+)?|generat(?:ion|ed(?:_[a-z_]+)?)|completion(?:_text)?|output(?:_text)?|(?:raw|model)_(?:output|response)|reasoning_content|choices|delta)$/;
const OUTPUT_TOKENS = /^(completion_tokens|output_tokens|generated_tokens)$/;
const QUOTES_INPUT = /^(input|flagged_input|prompt|messages|body|loc|ctx)$/;

function isFilled(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  return Array.isArray(value) ? value.length > 0 : isObject(value) && Object.keys(value).length > 0;
}
