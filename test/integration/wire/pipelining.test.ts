/** HTTP pipelining, on real sockets: what one connection may ask for before it has its answers. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startAppAlone } from '../../support/app-alone.ts';
import {
  HOST,
  http,
  JSON_TYPE,
  getText,
  postFields,
  postText,
  bodyWith,
} from '../../support/bad-input/bad-input.ts';
import { exchange, open } from '../../support/raw-http.ts';
import { readAnswers } from '../../support/read-answers.ts';
import { until } from '../../support/until.ts';

const HEALTH = getText('/healthz');
const OPENAPI = getText('/openapi.json');
const POST = postFields({});
/** Unanswered requests of a connection. */
const BOUND = 16;

const times = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => bytes));
const never = (): Promise<unknown> => once(new EventTarget(), 'never');

/** The same POST in chunks; the text of the body looks like further requests. */
function postChunked(): Buffer {
  const body = `${bodyWith()}\r\n\r\n`;
  const chunks = [body.slice(0, 7), body.slice(7)].map((one) => `${one.length.toString(16)}\r\n${one}\r\n`);
  const head = ['POST /v1/chat/completions HTTP/1.1', HOST, JSON_TYPE, 'Transfer-Encoding: chunked'];
  return http(head, `${chunks.join('')}0\r\n\r\n`);
}
/** White space in JSON, and the text of a request in it that is none. */
const postSpread = postText(`\r\n\r\n${bodyWith({ user: 'GET /v1/requests/a HTTP/1.1' })}\r\n\r\n\r\n\r\n`);

describe('pipelined requests', () => {
  it('are answered in order, and each begins after the answer before it', async () => {
    const { url, asked, mostAtOnce } = await startAppAlone();
    const socket = await open(url);
    socket.write(Buffer.concat([times(BOUND - 1, POST), getText('/v1/requests/a')]));
    const answers = await readAnswers(socket, BOUND);
    expect(answers.map(({ status }) => status)).toEqual([
      ...Array.from({ length: BOUND - 1 }, () => 202),
      404,
    ]);
    expect(asked).toEqual([...Array.from({ length: BOUND - 1 }, () => 'submit'), 'read a']);
    expect(mostAtOnce()).toBe(1);
    socket.write(POST);
    expect((await readAnswers(socket, 1)).map(({ status }) => status)).toEqual([202]);
    socket.destroy();
  });

  it('are answered in order wherever their bytes are cut', async () => {
    const { url, mostAtOnce } = await startAppAlone();
    const kinds = [
      [HEALTH, 200],
      [getText('/v1/requests/a'), 404],
      [http(['DELETE /v1/requests/a HTTP/1.1', HOST]), 404],
      [POST, 202],
      [postFields({}, ['Expect: 100-continue']), 202],
      [postChunked(), 202],
      [postSpread, 202],
    ] as const;
    const sent = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 12 });
    const cuts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(sent, cuts, async (requests, lengths) => {
        const socket = await open(url);
        socket.setNoDelay();
        const answers = readAnswers(socket, requests.length);
        let rest = Buffer.concat(requests.map(([bytes]) => bytes));
        for (const length of lengths) {
          socket.write(rest.subarray(0, length));
          rest = rest.subarray(length);
          await nextTurn();
        }
        socket.write(rest);
        expect((await answers).map(({ status }) => status)).toEqual(requests.map(([, status]) => status));
        socket.destroy();
      }),
      { numRuns: 60 },
    );
    expect(mostAtOnce()).toBe(1);
  });

  it.each([BOUND + 1, 300, 5_000])(
    '%i at once: as many as the bound are answered, the next gets 503, the rest nothing',
    async (count) => {
      const accepted = Promise.withResolvers<void>();
      const { url, asked, openConnections } = await startAppAlone({ acceptAfter: accepted.promise });
      const socket = await open(url);
      socket.on('error', () => undefined).write(times(count, POST));
      await until(
        () => asked.length,
        (length) => length > 0,
      );
      for (let round = 0; round < 20; round += 1) await exchange(url, HEALTH);
      expect(asked).toEqual(['submit']);
      accepted.resolve();
      const answers = await readAnswers(socket);
      expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: BOUND }, () => 202), 503]);
      expect(answers.filter(({ head }) => /^connection: close$/im.test(head))).toEqual(answers.slice(-1));
      expect(JSON.parse(answers.at(-1)?.body ?? '')).toHaveProperty('error.code', 'overloaded');
      expect(answers.at(-1)?.head).toMatch(/^retry-after: 1$/im);
      expect(asked).toHaveLength(BOUND);
      await until(openConnections, (left) => left === 0);
    },
  );

  it('that many connections flood end the connections instead of being kept', async () => {
    const accepted = Promise.withResolvers<void>();
    const { url, asked, openConnections } = await startAppAlone({ acceptAfter: accepted.promise });
    const short = http(['GET / HTTP/1.1', HOST]);
    const sockets = await Promise.all(Array.from({ length: 12 }, () => open(url)));
    for (const socket of sockets) {
      socket.on('error', () => undefined).write(Buffer.concat([POST, times(1_500, short)]));
    }
    const left = await until(openConnections, (count) => count < sockets.length);
    expect(left).toBeGreaterThan(0);
    expect(asked.length).toBeLessThanOrEqual(sockets.length);
    for (const socket of sockets) socket.destroy();
    // Connections that are not read are found dead when their next answer is written.
    accepted.resolve();
    await until(openConnections, (count) => count === 0);
    const socket = await open(url);
    socket.write(times(300, HEALTH));
    expect((await readAnswers(socket)).map(({ status }) => status)).toEqual([
      ...Array.from({ length: BOUND }, () => 200),
      503,
    ]);
  });

  it('do not begin behind an answer that closes the connection', async () => {
    const { url, asked } = await startAppAlone();
    const socket = await open(url);
    socket.write(Buffer.concat([postFields({}, ['Connection: close']), POST, POST]));
    expect((await readAnswers(socket)).map(({ status }) => status)).toEqual([202]);
    expect(asked).toEqual(['submit']);
  });

  it('do not begin once the caller has left', async () => {
    const accepted = Promise.withResolvers<void>();
    const { url, asked, openConnections } = await startAppAlone({ acceptAfter: accepted.promise });
    const socket = await open(url);
    socket.write(times(5, POST));
    await until(
      () => asked.length,
      (count) => count === 1,
    );
    socket.destroy();
    await until(openConnections, (count) => count === 0);
    accepted.resolve();
    await exchange(url, HEALTH);
    expect(asked).toEqual(['submit']);
  });
});

describe('what is not HTTP', () => {
  const noise = Buffer.from('noise\r\n\r\n');
  const brokenBody = http(
    ['POST /v1/chat/completions HTTP/1.1', HOST, JSON_TYPE, 'Transfer-Encoding: chunked'],
    'x\r\n',
  );
  const connectRequest = http(['CONNECT a:1 HTTP/1.1', HOST]);

  it.each([
    ['a line that is none', noise, 405],
    ['a body that breaks off', brokenBody, 400],
    ['a CONNECT', connectRequest, 405],
    ['a line that is none, again and again', times(3, noise), 405],
  ])('behind good requests is refused after their answers: %s', async (_what, bytes, status) => {
    const accepted = Promise.withResolvers<void>();
    const { url, asked } = await startAppAlone({ acceptAfter: accepted.promise });
    const socket = await open(url);
    socket.write(Buffer.concat([POST, HEALTH, POST, bytes]));
    await until(
      () => asked.length,
      (count) => count === 1,
    );
    // More of it must not be answered a second time.
    if (status === 405) socket.write('noise');
    await exchange(url, HEALTH);
    accepted.resolve();
    const received = await text(socket);
    expect(received.match(/HTTP\/1\.1 \d{3}/g)).toEqual(
      [202, 200, 202, status].map((one) => `HTTP/1.1 ${one}`),
    );
    expect(asked).toEqual(['submit', 'submit']);
  });

  it('and arrives too slowly is refused after the answers before it', async () => {
    const accepted = Promise.withResolvers<void>();
    const { url, asked } = await startAppAlone({ acceptAfter: accepted.promise, receiveTimeoutMs: 300 });
    const socket = await open(url);
    socket.write(Buffer.concat([POST, POST, POST.subarray(0, -1)]));
    await sleep(900);
    accepted.resolve();
    const received = await text(socket);
    expect(received.match(/HTTP\/1\.1 \d{3}/g)).toEqual(['HTTP/1.1 202', 'HTTP/1.1 202', 'HTTP/1.1 408']);
    expect(asked).toEqual(['submit', 'submit']);
  });

  it('a CONNECT whose sender breaks off does not end the process', async () => {
    const accepted = Promise.withResolvers<void>();
    const { url, openConnections } = await startAppAlone({ acceptAfter: accepted.promise });
    for (const bytes of [connectRequest, Buffer.concat([POST, connectRequest])]) {
      const socket = await open(url);
      socket.write(bytes);
      await exchange(url, HEALTH);
      socket.resetAndDestroy();
    }
    accepted.resolve();
    await until(openConnections, (count) => count === 0);
    expect((await exchange(url, HEALTH))?.status).toBe(200);
  });
});

describe('a connection', () => {
  it('ends with its ten thousandth answer, which says so, and begins no request after it', async () => {
    const { url, asked } = await startAppAlone();
    const socket = await open(url);
    const answers = [];
    while (answers.length < 9_990) {
      socket.write(times(10, HEALTH));
      answers.push(...(await readAnswers(socket, 10)));
    }
    socket.write(Buffer.concat([times(9, HEALTH), POST, POST]));
    answers.push(...(await readAnswers(socket)));
    expect(answers).toHaveLength(10_000);
    const closing = answers.filter(({ head }) => /^connection: close$/im.test(head));
    expect(closing).toEqual(answers.slice(-1));
    expect(answers.at(-1)?.status).toBe(202);
    expect(asked).toEqual(['submit']);
  });

  it('is ended when nobody takes its answer, but never while its answer is not there yet', async () => {
    const accepted = Promise.withResolvers<void>();
    const { url, asked, openConnections } = await startAppAlone({
      slowReaders: { timeoutMs: 300, maxBytes: Infinity },
      // More than the system's own buffers take.
      result: new Uint8Array(32 * 1024 * 1024).fill(0x20),
      acceptAfter: accepted.promise,
    });
    const socket = await open(url);
    socket.on('error', () => undefined).pause();
    socket.write(POST);
    await until(
      () => asked.length,
      (count) => count === 1,
    );
    await sleep(900);
    expect(await openConnections()).toBe(1);
    accepted.resolve();
    await until(openConnections, (count) => count === 0);
    socket.destroy();
  });

  it('that is read slowly keeps its answers, because each is taken in time', async () => {
    const { url } = await startAppAlone({ slowReaders: { timeoutMs: 5_000, maxBytes: Infinity } });
    const socket = await open(url);
    const rounds = 25;
    for (let round = 0; round < rounds; round += 1) {
      socket.write(times(BOUND, OPENAPI));
      let ends = 0;
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        ends += Buffer.from(chunk).toString('latin1').split('HTTP/1.1 200').length - 1;
        await nextTurn();
        if (ends === BOUND) break;
      }
      // What is left of the last answer is read in the next round.
      expect(ends).toBe(BOUND);
    }
    socket.destroy();
  });

  it('is let go at once when its caller leaves while it is held', async () => {
    const { url, asked, openConnections } = await startAppAlone({ acceptAfter: never() });
    const socket = await open(url);
    socket.write(POST);
    await until(
      () => asked.length,
      (count) => count === 1,
    );
    socket.end();
    await until(openConnections, (count) => count === 0);
  });
});
