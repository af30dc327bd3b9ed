import fc from 'fast-check';
import { HOST, JSON_TYPE } from '../bad-input/bad-input.ts';

const HEADERS = [
  'Idempotency-Key',
  'Prefer',
  'Content-Type',
  'Content-Encoding',
  'Transfer-Encoding',
  'Content-Length',
  'Expect',
  'Host',
  'Authorization',
  'Accept',
  'Connection',
  'Upgrade',
  'X-Request-Id',
  'Origin',
  'Range',
  'If-None-Match',
  'Accept-Encoding',
];
const VALUES = [
  'wait=5',
  'respond-async',
  '100-continue',
  'chunked',
  'identity',
  'close',
  'upgrade',
  'websocket',
  '"',
  '',
];
/** Any bytes but those that would end the line. */
const latin1 = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes).replace(/[\r\n]/g, ' '));
const visible = fc.string({ maxLength: 300 });

/** Header lines, of names that mean something and of others. */
export const headerLines: fc.Arbitrary<string[]> = fc.array(
  fc
    .tuple(
      fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...HEADERS) }, { weight: 1, arbitrary: visible }),
      fc.oneof(fc.constantFrom(...VALUES), visible, latin1),
    )
    .map(([name, value]) => `${name}: ${value}`),
  { maxLength: 4 },
);

/** Request targets: ids in all their encodings, and what is none. */
export const target: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('/v1/requests/', '/v1/requests/', '/v1/chat/completions', '/', '', '/openapi.json'),
    fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => encodeURIComponent(text)),
      fc.string(),
      latin1,
      fc.constantFrom('%ff', '%', '..', '/cancel', '/retry', '?wait=1', '?wait=x', '#', '*'),
    ),
    fc.constantFrom('', '/cancel', '/retry', '?wait=', '?a=1&a=2', '/'),
  )
  .map((parts) => parts.join(''));

export const method = fc.constantFrom(
  'GET',
  'POST',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PUT',
  'TRACE',
  'M-SEARCH',
  'X',
);

/** Splices: at a place, so many bytes are replaced by others. */
const splices = fc.array(
  fc.record({
    at: fc.nat({ max: 200 }),
    removed: fc.nat({ max: 8 }),
    added: fc.uint8Array({ maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** The bytes with a few of them changed, lost or put in between. */
export function damaged(bytes: Uint8Array): fc.Arbitrary<Buffer> {
  return splices.map((all) =>
    all.reduce(
      (before, { at, removed, added }) =>
        Buffer.concat([before.subarray(0, at), added, before.subarray(at + removed)]),
      Buffer.from(bytes),
    ),
  );
}

const refused = `POST /v1/chat/completions HTTP/1.1\r\n${HOST}\r\n${JSON_TYPE}\r\nContent-Length: 13\r\n\r\n{"model":"m"}`;

/** What comes on a socket: noise, or requests that are damaged. */
export const noise: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  damaged(Buffer.from(refused)),
  damaged(Buffer.from(refused.repeat(2))),
  damaged(Buffer.from(`GET /v1/requests/x?wait=1 HTTP/1.1\r\n${HOST}\r\n\r\n`)),
);
