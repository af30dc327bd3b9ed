/** How requests are received, on real sockets, before a store that only writes down what it is asked. */
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startAppAlone } from '../../support/app-alone.ts';
import { errorOf } from '../../support/api.ts';
import { CANARY, HOST, http, JSON_TYPE, postFields } from '../../support/bad-input/bad-input.ts';
import { FIELD_ROWS } from '../../support/bad-input/fields.ts';
import { JSON_ROWS } from '../../support/bad-input/json.ts';
import { KEY_ROWS } from '../../support/bad-input/keys.ts';
import { TRANSPORT_ROWS } from '../../support/bad-input/transport.ts';
import { exchange, open, readAnswer } from '../../support/raw-http.ts';
import { until } from '../../support/until.ts';

const TIMEOUT_MS = 500;
const LogLine = z.object({ level: z.number(), msg: z.string() });
const ERROR_LEVEL = 50;
const HEAD = ['POST /v1/chat/completions HTTP/1.1', HOST, JSON_TYPE, 'Content-Length: 1000'];

describe('a caller that does not finish sending', () => {
  it.each([
    ['a body, a byte at a time (row 14)', http(HEAD), 'x'],
    ['a body that stops (row 13)', http(HEAD, '{'), null],
    ['headers, a byte at a time', Buffer.from('POST / HTTP/1.1\r\nX: '), 'x'],
    ['headers that stop', Buffer.from('POST / HTTP/1.1\r\nX'), null],
    ['nothing at all', Buffer.alloc(0), null],
  ])(
    '%s: gets its 408 in time, so that nobody holds a connection for nothing',
    async (_what, begin, trickle) => {
      const { url, asked } = await startAppAlone({ receiveTimeoutMs: TIMEOUT_MS });
      const socket = await open(url);
      if (begin.length > 0) socket.write(begin);
      const timer = setInterval(() => trickle !== null && socket.write(trickle), TIMEOUT_MS / 10);
      // Forty times its time: whoever may go on sending has no answer by then.
      const given = setTimeout(() => socket.destroy(), TIMEOUT_MS * 40);
      const answer = await readAnswer(socket);
      clearInterval(timer);
      clearTimeout(given);
      if (answer === null) throw new Error('closed without an answer');
      expect([answer.status, errorOf(answer).code]).toEqual([408, 'request_timeout']);
      expect(answer.headers.get('x-should-retry')).toBe('false');
      expect(asked).toEqual([]);
    },
  );

  it('of what was refused already gets no second answer: the connection is closed', async () => {
    const { url } = await startAppAlone({ receiveTimeoutMs: TIMEOUT_MS });
    const socket = await open(url);
    const begin = [
      'POST /v1/chat/completions HTTP/1.1',
      'Host: evil.example',
      JSON_TYPE,
      'Content-Length: 1000',
    ];
    socket.write(http(begin, '{'));
    expect((await text(socket)).match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 403']);
  });

  it('and leaves is no fault of ours: nothing is logged as one', async () => {
    const { url, asked, logLines, openConnections } = await startAppAlone();
    const socket = await open(url);
    socket.write(http(HEAD, '{'));
    // Answered after the other's head was read.
    await exchange(url, http(['GET /healthz HTTP/1.1', HOST]));
    socket.resetAndDestroy();
    await until(openConnections, (count) => count === 0);
    expect(logLines.filter((line) => LogLine.parse(JSON.parse(line)).level >= ERROR_LEVEL)).toEqual([]);
    expect(asked).toEqual([]);
  });
});

describe('whatever is refused', () => {
  it('is answered after the valid request before it, so that its refusal is not read as that answer', async () => {
    const accepted = Promise.withResolvers<void>();
    const { url, asked } = await startAppAlone({ acceptAfter: accepted.promise });
    const socket = await open(url);
    socket.write(Buffer.concat([postFields({}), Buffer.from('noise\r\n\r\n')]));
    await until(
      () => asked,
      ([first]) => first === 'submit',
    );
    accepted.resolve();
    const received = await text(socket);
    expect(received.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 202', 'HTTP/1.1 405']);
  });

  it('is looked up by nobody, logged in one line at most, and without a word of it (rows 10, 28, 85)', async () => {
    const { url, asked, logLines } = await startAppAlone();
    const rows = [...TRANSPORT_ROWS, ...JSON_ROWS, ...FIELD_ROWS, ...KEY_ROWS];
    for (const { request, endAfterRequest } of rows) await exchange(url, request, { endAfterRequest });
    expect(asked).toEqual([`read ../../etc/${CANARY}`, `read ${CANARY}`]);
    const lines = logLines.map((line) => LogLine.parse(JSON.parse(line)));
    expect(lines.length).toBeGreaterThan(rows.length / 2);
    expect(lines.length).toBeLessThanOrEqual(rows.length);
    expect(lines.filter(({ level }) => level >= ERROR_LEVEL)).toEqual([]);
    expect(logLines.filter((line) => line.toLowerCase().includes(CANARY))).toEqual([]);
  });
});

describe('what a caller says about itself', () => {
  const FAKE = `${CANARY}\n{"level":60,"msg":"fake"}`;

  it('is neither trusted nor logged: addresses, request ids, line feeds in a prompt (rows 28, 32, 68)', async () => {
    const { url, asked, logLines } = await startAppAlone();
    const spoofed = [
      `X-Forwarded-For: ${CANARY}`,
      `X-Forwarded-Host: ${CANARY}`,
      `Forwarded: for=${CANARY}`,
      `X-Request-Id: ${CANARY.repeat(600)}`,
    ];
    const request = postFields({ messages: [{ role: 'user', content: FAKE }] }, spoofed);
    const answer = await exchange(url, request);
    expect(answer?.status).toBe(202);
    expect(answer?.headers.get('x-request-id')).toBe('id');
    expect(asked).toEqual(['submit']);
    expect(logLines.map((line) => LogLine.parse(JSON.parse(line)).msg)).toEqual(['answered']);
    expect(JSON.stringify([logLines, [...(answer?.headers ?? [])]])).not.toContain(CANARY);
  });

  it('opens no answer to a web page: no CORS header, neither before nor after (row 27)', async () => {
    const { url } = await startAppAlone();
    const origin = ['Origin: https://elsewhere.example', 'Access-Control-Request-Method: POST'];
    const preflight = http(['OPTIONS /v1/chat/completions HTTP/1.1', HOST, ...origin]);
    for (const request of [
      preflight,
      postFields({}, origin),
      http(['GET /healthz HTTP/1.1', HOST, ...origin]),
    ]) {
      const answer = await exchange(url, request);
      const names = [...(answer?.headers.keys() ?? [])];
      expect(names.filter((name) => name.startsWith('access-control-'))).toEqual([]);
      expect(names).toEqual(
        expect.arrayContaining(['cache-control', 'content-security-policy', 'x-content-type-options']),
      );
    }
  });

  it('of its prototype changes nobody (row 39)', async () => {
    const { url } = await startAppAlone();
    await exchange(url, postFields({ x: { constructor: { prototype: { polluted: 1 } } } }));
    await exchange(url, http([...HEAD.slice(0, 3), 'Content-Length: 30'], '{"__proto__":{"polluted":1}}  '));
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});
