import { Refusal } from '../../domain/refusal.ts';
import { isObject } from '../../domain/raw-json.ts';
import { readStrictJson, type StrictJson } from '../../domain/strict-json.ts';
import type { App } from '../app-types.ts';

/** A body that is a JSON object. */
export interface JsonBody extends StrictJson {
  readonly value: Record<string, unknown>;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as received; null when there is none. `body` is its value after validation. */
    jsonBody: JsonBody | null;
  }
  interface FastifyContextConfig {
    /** An empty body counts as no body, also under a JSON Content-Type. */
    bodyIsOptional?: boolean;
  }
}

/** Accepts only JSON bodies, in UTF-8 and not compressed. */
export function acceptJson(app: App): void {
  app.decorateRequest('jsonBody', null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      refuseOtherEncodings(request.headers['content-type'], request.headers['content-encoding']);
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      request.signed?.verifyUnlessDone(bytes);
      if (bytes.length === 0 && request.routeOptions.config.bodyIsOptional === true) return done(null, null);
      request.jsonBody = parseBody(bytes);
      done(null, request.jsonBody.value);
    } catch (error) {
      done(error instanceof Error ? error : new Error('the body could not be read', { cause: error }));
    }
  });
  app.addHook('preValidation', async ({ jsonBody, routeOptions: { schema, config } }) => {
    const isMissing = jsonBody === null && schema?.body !== undefined && config.bodyIsOptional !== true;
    // Fastify calls no parser for a request without Content-Type and body.
    if (isMissing) throw new Refusal('unsupported_media_type');
  });
}

/**
 * Parses a body that must be a JSON object.
 *
 * @throws Refusal with a 400 code
 */
export function parseBody(bytes: Uint8Array): JsonBody {
  const read = readStrictJson(decodeUtf8(bytes));
  if ('fault' in read) throw new Refusal(read.fault);
  const { value } = read;
  if (!isObject(value)) throw new Refusal('invalid_request', { message: 'The body must be a JSON object.' });
  return { ...read, value };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('invalid_encoding', { cause });
  }
}

/** The labels of UTF-8 in the WHATWG Encoding Standard. It ignores their case and surrounding spaces. */
const UTF8_LABELS: ReadonlySet<string> = new Set([
  'unicode-1-1-utf-8',
  'unicode11utf8',
  'unicode20utf8',
  'utf-8',
  'utf8',
  'x-unicode20utf8',
]);

function refuseOtherEncodings(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity') {
    throw new Refusal('unsupported_content_encoding');
  }
  const [, quoted, bare] = /;\s*charset\s*=\s*(?:"([^"]*)"?|([^";\s]+))/i.exec(contentType ?? '') ?? [];
  const charset = (quoted ?? bare ?? '').trim().toLowerCase();
  if (charset !== '' && !UTF8_LABELS.has(charset)) throw new Refusal('unsupported_charset');
}

/**
 * The text of the body without the named top-level members. Every other character is kept, so that the text
 * sent upstream is the text that was validated.
 */
export function cutMembers({ text, members }: JsonBody, names: ReadonlySet<string>): string {
  const kept = members.filter(({ name }) => !names.has(name));
  if (kept.length === members.length) return text;
  const first = members[0];
  const last = members.at(-1);
  if (first === undefined || last === undefined) return text;
  const rest = kept.map(({ start, end }) => text.slice(start, end)).join(',');
  return text.slice(0, first.start) + rest + text.slice(last.end);
}
