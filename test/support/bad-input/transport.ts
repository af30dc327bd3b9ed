import { gzipSync } from 'node:zlib';
import {
  bad,
  bodyWith,
  CANARY,
  getText,
  HOST,
  http,
  JSON_TYPE,
  postText,
  type BadInput,
} from './bad-input.ts';

const POST = 'POST /v1/chat/completions HTTP/1.1';
const BODY = bodyWith();
const LENGTH = `Content-Length: ${BODY.length}`;
const malformed = [400, 'invalid_request'] as const;
const wrongMethod = [405, 'method_not_allowed'] as const;
const nowhere = [404, 'not_found'] as const;
const wrongType = [415, 'unsupported_media_type'] as const;
const tooLong = [414, 'uri_too_long'] as const;

const withType = (type: string): Buffer => postText(BODY, [`Content-Type: ${type}`]);
const withEncoding = (encoding: string, body: string | Buffer = BODY): Buffer =>
  postText(body, [JSON_TYPE, `Content-Encoding: ${encoding}`]);
const method = (name: string, path = '/v1/chat/completions'): Buffer =>
  http([`${name} ${path} HTTP/1.1`, HOST, `X-Canary: ${CANARY}`, 'Content-Length: 0']);

/** What is wrong with the request before its body is looked at. */
export const TRANSPORT_ROWS: readonly BadInput[] = [
  bad(11, 'no Host header', http([POST, JSON_TYPE, LENGTH], BODY), malformed),
  bad(11, 'two Host headers', http([POST, HOST, 'Host: b', JSON_TYPE, LENGTH], BODY), [
    400,
    'duplicate_header',
    'Host',
  ]),
  bad(
    12,
    'Content-Length and Transfer-Encoding together',
    postText(`0\r\n\r\nGET /${CANARY} HTTP/1.1\r\n\r\n`, [JSON_TYPE, 'Transfer-Encoding: chunked']),
    malformed,
  ),
  bad(12, 'two different Content-Lengths', postText(BODY, [JSON_TYPE, 'Content-Length: 5']), malformed),
  bad(
    12,
    'a chunk size that is no number',
    http([POST, HOST, JSON_TYPE, 'Transfer-Encoding: chunked'], 'x\r\n'),
    malformed,
  ),
  bad(
    13,
    'a body that ends before its Content-Length',
    http([POST, HOST, JSON_TYPE, `Content-Length: ${BODY.length + 1}`], BODY),
    malformed,
    { endAfterRequest: true },
  ),
  bad(15, 'headers over 16 KiB', postText(BODY, [JSON_TYPE, `X-Long: ${CANARY.repeat(1_500)}`]), [
    431,
    'headers_too_large',
  ]),
  bad(16, 'a control character in a header', postText(BODY, [JSON_TYPE, `X-Bad: ${CANARY}\x01`]), malformed),
  bad(16, 'a NUL in a header', postText(BODY, [JSON_TYPE, `X-Bad: ${CANARY}\0`]), malformed),
  bad(16, 'a line feed alone in a header', postText(BODY, [JSON_TYPE, `X-Bad: a\n${CANARY}: b`]), malformed),
  bad(17, 'an expectation nobody knows', postText(BODY, [JSON_TYPE, `Expect: ${CANARY}`]), [
    417,
    'expectation_failed',
  ]),
  bad(18, 'no Content-Type', postText(BODY, []), wrongType),
  bad(18, 'neither Content-Type nor body', http([POST, HOST]), wrongType),
  bad(19, 'plain text', withType('text/plain'), wrongType),
  bad(20, 'a form', withType('application/x-www-form-urlencoded'), wrongType),
  bad(20, 'a multipart form', withType(`multipart/form-data; boundary=${CANARY}`), wrongType),
  bad(21, 'a tab behind the media type', withType('application/json\ta'), wrongType),
  bad(21, 'garbage behind the media type', withType(`application/json ${CANARY}`), wrongType),
  bad(
    22,
    'space before the media type does not turn validation off',
    postText(bodyWith({ model: 5 }), ['Content-Type:  application/json']),
    [400, 'invalid_type', 'model'],
  ),
  ...[
    'utf-16',
    '"utf-16"',
    '" utf-16le"',
    'UTF-16BE',
    'iso-8859-1',
    'us-ascii',
    'utf-7',
    'utf-88',
    "'utf-8'",
  ].map((charset) =>
    bad(23, `the charset ${charset}`, withType(`application/json; charset=${charset}`), [
      415,
      'unsupported_charset',
    ]),
  ),
  bad(24, 'plain text called gzip', withEncoding('gzip'), [415, 'unsupported_content_encoding']),
  bad(24, 'gzip', withEncoding('gzip', gzipSync(BODY)), [415, 'unsupported_content_encoding']),
  bad(24, 'an encoding nobody knows', withEncoding(CANARY), [415, 'unsupported_content_encoding']),
  ...['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((name) =>
    bad(25, `${name} where there is only POST`, method(name), wrongMethod),
  ),
  bad(25, 'POST where there is none', method('POST', '/v1/requests/x'), wrongMethod),
  ...['TRACE', 'CONNECT', 'PROPFIND', 'QUERY', CANARY.toUpperCase()].map((name) =>
    bad(26, `the method ${name}, which is nowhere`, method(name), wrongMethod),
  ),
  bad(29, 'a URL over 8 KiB', getText(`/v1/requests/x?${CANARY.repeat(600)}`), tooLong),
  bad(29, 'a URL over 8 KiB to nowhere', getText(`/${CANARY.repeat(600)}`), tooLong),
  bad(29, 'an id that no key can be so long', getText(`/v1/requests/${CANARY.repeat(60)}`), tooLong),
  bad(29, 'a URL that is larger than all headers may be', getText(`/${CANARY.repeat(1_500)}`), [
    431,
    'headers_too_large',
  ]),
  bad(30, 'an unknown path with a secret in its query', getText(`/v1/nothing?key=${CANARY}`), nowhere),
  bad(30, 'an unknown path with a secret in it', getText(`/${CANARY}`), nowhere),
  ...[
    '//v1/chat/completions',
    '/v1/chat/completions/',
    '/V1/Chat/Completions',
    '/v1/../v1/chat/completions',
  ].map((path) =>
    bad(
      31,
      `the path ${path}, which is another`,
      http([`POST ${path} HTTP/1.1`, HOST, JSON_TYPE, LENGTH], BODY),
      nowhere,
    ),
  ),
  bad(86, 'a path that is not UTF-8', getText(`/v1/requests/${CANARY}%ff`), malformed),
  bad(86, 'a path with a broken escape', getText(`/v1/requests/${CANARY}%zz`), malformed),
];
