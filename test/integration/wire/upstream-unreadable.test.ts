/** An answer that came whole is paid for: it is read where curl would read it, and else called for twice at most. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest, OK } from '../../support/drive-request.ts';

const head = (...lines: string[]): string => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');
const J = 'content-type: application/json';
const length = `content-length: ${OK.length}`;
const chunked = `${OK.length.toString(16)}\r\n${OK}\r\n0\r\n\r\n`;
const fine = head(J, length) + OK;
const withBody = (body: string | Buffer): Buffer => {
  const bytesOf = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  return Buffer.concat([Buffer.from(head(J, `content-length: ${bytesOf.length}`)), bytesOf]);
};
const sized = (bytesOfHeader: number): string =>
  head(J, `x-large: ${'a'.repeat(bytesOfHeader)}`, length) + OK;

describe('a whole answer', () => {
  it.each<[string, string]>([
    ['a length beside chunks', head(J, length, 'transfer-encoding: chunked') + chunked],
    ['a wrong length beside chunks', head(J, 'content-length: 3', 'transfer-encoding: chunked') + chunked],
    [
      'chunks before a length',
      head(J, 'Transfer-Encoding: gzip, chunked'.replace('gzip, ', ''), 'Content-Length: 1') + chunked,
    ],
    ['the same length twice', head(J, length, length) + OK],
    ['an old transfer coding', head(J, 'transfer-encoding: identity', length) + OK],
    ['the same length in a list', head(J, `${length}, ${OK.length}`) + OK],
    ['a 100 that nobody asked for', `HTTP/1.1 100 Continue\r\n\r\n${fine}`],
    [
      'two of them, with headers',
      `HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${fine}`,
    ],
    [
      'a 102 and a 103',
      `HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${fine}`,
    ],
    ['bare line feeds', head(J, length).replaceAll('\r\n', '\n') + OK],
    ['mixed line ends', `HTTP/1.1 200 OK\r\n${J}\n${length}\r\n\r\n${OK}`],
    ['a space in a header name', head(J, 'x bad: 1', length) + OK],
    ['a space before a colon', head(`content-type : application/json`, length) + OK],
    ['a header without a colon', head(J, 'nonsense', length) + OK],
    ['a control character in a value', head(J, 'x-bad: a\u0001b', length) + OK],
    ['a null byte in a value', head(J, 'x-bad: a\u0000b', length) + OK],
    ['a folded header', `HTTP/1.1 200 OK\r\n${J}\r\nx-folded: a\r\n  b\r\n${length}\r\n\r\n${OK}`],
    ['no reason phrase', `HTTP/1.1 200\r\n${J}\r\n${length}\r\n\r\n${OK}`],
    ['a control character in the reason phrase', `HTTP/1.1 200 O\u0001K\r\n${J}\r\n${length}\r\n\r\n${OK}`],
    ['20 KB of headers', sized(20_000)],
    ['300 KB of headers', sized(300_000)],
    ['HTTP/1.0 until the end', `HTTP/1.0 200 OK\r\n${J}\r\n\r\n${OK}`],
  ])('is read in spite of %s', async (_title, raw) => {
    expect(await driveRequest([bytes(raw)])).toMatchObject({ hits: 1, completed: OK });
  });

  it('is read byte by byte', async () => {
    const raw = `HTTP/1.1 100 Continue\r\n\r\n${head(J, length, length)}${OK}`;
    const driven = await driveRequest([
      (socket) => {
        const send = (at: number): void => {
          if (at >= raw.length) return void socket.end();
          socket.write(raw.slice(at, at + 1), () => setImmediate(() => send(at + 1)));
        };
        send(0);
      },
    ]);
    expect(driven).toMatchObject({ hits: 1, completed: OK });
  });

  it.each<[string, string | Buffer]>([
    [
      '-Infinity in it',
      OK.replace('"finish_reason"', '"logprobs":{"content":[{"logprob":-Infinity}]},"finish_reason"'),
    ],
    ['NaN and Infinity in it', OK.replace('{"id"', '{"a":NaN,"b":[Infinity,-Infinity],"id"')],
    ['NaN in its text as well', OK.replace('pong', 'NaN \\" Infinity').replace('{"id"', '{"a":NaN,"id"')],
    ['bytes that are no UTF-8', OK.replace('pong', 'caf\u00e9 \u00ff\u00fe')],
    ['half a character', OK.replace('pong', '\u00e2\u0082')],
    ['a surrogate in UTF-8', OK.replace('pong', '\u00ed\u00a0\u0080')],
  ])('reaches the caller as it came with %s', async (_title, body) => {
    expect(await driveRequest([bytes(withBody(body))])).toMatchObject({ hits: 1, completed: body });
  });

  it.each(['gzip', 'deflate', 'br', 'gzip, br', 'zstd', 'compress', 'utf-8'])(
    'is read where it is plain under the label %s',
    async (encoding) => {
      const raw = head(J, `content-encoding: ${encoding}`, length) + OK;
      expect(await driveRequest([bytes(raw)])).toMatchObject({ hits: 1, completed: OK });
    },
  );
});

describe('a whole answer that nobody can read', () => {
  it.each<[string, string | Buffer, string]>([
    ['two lengths', head(J, length, 'content-length: 3') + OK, 'HTTP'],
    ['a length that is no number', head(J, 'content-length: many') + OK, 'HTTP'],
    ['a negative length', head(J, 'content-length: -1') + OK, 'HTTP'],
    ['HTTP/0.9', OK, 'HTTP'],
    ['a page without a head', '<html>proxy</html>', 'HTTP'],
    ['garbage', '\u0000\u0001\u0002\u0003\r\n\r\n', 'HTTP'],
    ['TLS on a plain port', '\u0015\u0003\u0001\u0000\u0002\u0002\u0016', 'HTTP'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', 'HTTP'],
    ['HTTP/2 in the status line', fine.replace('HTTP/1.1', 'HTTP/2'), 'HTTP'],
    ['a status below 100', fine.replace('200', '099'), 'HTTP'],
    ['a 101 without an upgrade', `HTTP/1.1 101 Switching\r\n\r\n${fine}`, 'HTTP'],
    ['a status of four digits', fine.replace('200', '2000'), 'HTTP'],
    ['a 101', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', 'HTTP'],
    [
      'a chunk size that is no number',
      `${head(J, 'transfer-encoding: chunked')}xyz\r\n${OK}\r\n0\r\n\r\n`,
      'HTTP',
    ],
    ['more headers than can be read', sized(1_200_000), 'too large to read'],
    ['malformed JSON', answer(200, OK.slice(0, -1)), 'malformed JSON'],
    ['a control character in its text', answer(200, OK.replace('pong', 'a\nb')), 'malformed JSON'],
    ['two JSON texts', answer(200, OK + OK), 'malformed JSON'],
    ['gzip without the label', withBody(gzipSync(OK)), 'cannot be read'],
    [
      'brotli under gzip',
      Buffer.concat([Buffer.from(head(J, 'content-encoding: gzip')), brotliCompressSync(OK)]),
      'encoding',
    ],
    ['UTF-16', withBody(Buffer.from(OK, 'utf16le')), 'malformed JSON'],
  ])('is called for twice and no more: %s', async (_title, raw, why) => {
    const driven = await driveRequest([bytes(raw)]);
    expect(driven).toMatchObject({
      hits: 2,
      failures: [{ outcome: 'lost', billed: 'maybe' }, {}],
      error: { code: 'upstream_invalid_response', message: expect.stringContaining(why) },
    });
    expect(await driveRequest([bytes(raw)], { options: { on_unknown_outcome: 'fail' } })).toMatchObject({
      hits: 1,
    });
  });
});

describe('an answer that is cut', () => {
  const zipped = gzipSync(OK);
  it.each<[string, string | Buffer]>([
    ['before its length', head(J, `content-length: ${OK.length + 1}`) + OK],
    ['within a chunk', head(J, 'transfer-encoding: chunked') + chunked.slice(0, 20)],
    ['before the last chunk', head(J, 'transfer-encoding: chunked') + chunked.slice(0, -5)],
    [
      'within its compression',
      Buffer.concat([
        Buffer.from(head(J, 'content-encoding: gzip', `content-length: ${zipped.length - 30}`)),
        zipped.subarray(0, -30),
      ]),
    ],
  ])('may be called for again under the policy: %s', async (_title, raw) => {
    const driven = await driveRequest([bytes(raw)], { maxCalls: 4 });
    expect(driven).toMatchObject({ hits: 4, error: null });
    expect(driven.failures[3]).toMatchObject({
      code: 'upstream_response_lost',
      outcome: 'lost',
      retry: 'always',
    });
  });
});
