import type { FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import type { Operation } from '../../domain/operations.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { App } from '../app-types.ts';
import { createBodyReader, LARGE_BODY_BYTES } from './body-reader.ts';
import { collectBody } from './collect-body.ts';
import { type JsonBody, type LargeBody, parseBody } from './json-body.ts';
import { CheckedMembers } from './validation.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as received; null when there is none, or if it is large. `body` is its value after validation. */
    jsonBody: JsonBody | null;
    /** The body if it is large. `body` then has its small members only. */
    largeBody: LargeBody | null;
  }
  interface FastifyContextConfig {
    /** The operation whose body the route takes. Other routes take no large bodies. */
    operation?: Operation;
    /** An empty body counts as no body, also under a JSON Content-Type. */
    bodyIsOptional?: boolean;
  }
}

/** Accepts only JSON bodies, in UTF-8 and not compressed. */
export function acceptJson(app: App): void {
  const reader = createBodyReader();
  app.addHook('onClose', () => reader.close());
  app.decorateRequest('jsonBody', null);
  app.decorateRequest('largeBody', null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: IncomingMessage) => {
    const bytes = await collectBody(request, payload);
    refuseOtherEncodings(request.headers['content-type'], request.headers['content-encoding']);
    const { signed } = request;
    const { operation, bodyIsOptional = false } = request.routeOptions.config;
    if (operation !== undefined && bytes.length > LARGE_BODY_BYTES) {
      const verify = signed === null ? null : (sha256: string) => signed.verifyUnlessDone(sha256);
      request.largeBody = await reader.read(operation, bytes, verify);
      return new CheckedMembers(request.largeBody.members);
    }
    signed?.verifyUnlessDone(bytes);
    if (bytes.length === 0 && bodyIsOptional) return null;
    request.jsonBody = parseBody(bytes);
    return request.jsonBody.value;
  });
  app.addHook('preValidation', async ({ jsonBody, largeBody, routeOptions: { schema, config } }) => {
    const hasNone = jsonBody === null && largeBody === null;
    const isMissing = hasNone && schema?.body !== undefined && config.bodyIsOptional !== true;
    // Fastify calls no parser for a request without Content-Type and body.
    if (isMissing) throw new Refusal('unsupported_media_type');
  });
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
