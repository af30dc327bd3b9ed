/** What one connection may ask for before it has its answers, on real sockets. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startAppAlone } from '../support/app-alone.ts';
import {
  HOST,
  http,
  JSON_TYPE,
  getText,
  postFields,
  postText,
  bodyWith,
} from '../support/bad-input/bad-input.ts';
import { exchange, open } from '../support/raw-http.ts';
import { readAnswers } from '../support/read-answers.ts';
import { until } from '../support/until.ts';

const HEALTH = getText('/healthz');
const OPENAPI = getText('/openapi.json');

/** The same POST in chunks; the text of the body looks like further requests. */
function postChunked(): Buffer {
  const body = `${bodyWith()}\r\n\r\n`;
  const chunks = [body.slice(0, 7), body.slice(7)].map((one) => `${one.length.toString(16)}\r\n${one}\r\n`);
  const head = ['POST /v1/chat/completions HTTP/1.1', HOST, JSON_TYPE, 'Transfer-Encoding: chunked'];
  return http(head, `${chunks.join('')}0\r\n\r\n`);
}
/** White space in JSON, and the text of a request in it that is none. */
const postSpread = postText(`\r\n\r\n${bodyWith({ user: 'GET /v1/requests/a HTTP/1.1' })}\r\n\r\n\r\n\r\n`);

describe('a connection', () => {
  it('has one request in hand at a time, because a caller that reads no answer could begin any number', async () => {
    const accepted = Promise.withResolvers<void>();
    const { url, asked, mostAtOnce } = await startAppAlone({ acceptAfter: accepted.promise });
    const socket = await open(url);
    socket.write(Buffer.concat(Array.from({ length: 300 }, () => postFields({}))));
    await until(
      () => asked.length,
      (count) => count > 0,
    );
    for (let round = 0; round < 20; round += 1) await exchange(url, HEALTH);
    expect(asked).toEqual(['submit']);
    accepted.resolve();
    const answers = await readAnswers(socket, 300);
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 300 }, () => 202));
    expect([asked.length, mostAtOnce()]).toEqual([300, 1]);
    socket.destroy();
  });

  it('gets every answer in its turn, wherever what it sends is cut in pieces', async () => {
    const { url, mostAtOnce } = await startAppAlone();
    const kinds = [
      [HEALTH, 200],
      [getText('/v1/requests/a'), 404],
      [http(['DELETE /v1/requests/a HTTP/1.1', HOST]), 404],
      [postFields({}), 202],
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

  it('begins nothing behind an answer that closes it, because nobody would learn of it', async () => {
    const { url, asked } = await startAppAlone();
    const socket = await open(url);
    socket.write(Buffer.concat([postFields({}, ['Connection: close']), postFields({}), postFields({})]));
    expect((await readAnswers(socket)).map(({ status }) => status)).toEqual([202]);
    expect(asked).toEqual(['submit']);
  });

  it('ends with its ten thousandth answer, which says so, and begins no request after it', async () => {
    const { url, asked } = await startAppAlone();
    const socket = await open(url);
    socket.write(
      Buffer.concat([...Array.from({ length: 9_999 }, () => HEALTH), postFields({}), postFields({})]),
    );
    const answers = await readAnswers(socket);
    expect(answers).toHaveLength(10_000);
    const closing = answers.filter(({ head }) => /^connection: close$/im.test(head));
    expect(closing).toEqual(answers.slice(-1));
    expect(answers.at(-1)?.status).toBe(202);
    expect(asked).toEqual(['submit']);
  });

  it('is ended when nobody takes its answer, but never while its answer is not there yet', async () => {
    const accepted = Promise.withResolvers<void>();
    const slowReaders = { timeoutMs: 300, maxBytes: Infinity };
    const { url, asked, openConnections } = await startAppAlone({
      slowReaders,
      acceptAfter: accepted.promise,
    });
    const held = await open(url);
    held.write(postFields({}));
    await until(
      () => asked.length,
      (count) => count === 1,
    );
    const deaf = await open(url);
    deaf.pause();
    deaf.on('error', () => undefined);
    deaf.write(Buffer.concat(Array.from({ length: 2_000 }, () => OPENAPI)));
    await until(openConnections, (count) => count === 1);
    accepted.resolve();
    expect((await readAnswers(held, 1)).map(({ status }) => status)).toEqual([202]);
    held.destroy();
    deaf.destroy();
  });

  it('that is read slowly keeps its answers, because each is taken in time', async () => {
    const { url } = await startAppAlone({ slowReaders: { timeoutMs: 1_000, maxBytes: Infinity } });
    const socket = await open(url);
    const count = 400;
    socket.write(Buffer.concat(Array.from({ length: count }, () => OPENAPI)));
    let ends = 0;
    for await (const chunk of socket) {
      ends += Buffer.from(chunk).toString('latin1').split('HTTP/1.1 200').length - 1;
      await nextTurn();
      if (ends === count) break;
    }
    expect(ends).toBe(count);
  });

  it('is let go at once when its caller leaves while it is held', async () => {
    const { url, asked, openConnections } = await startAppAlone({
      acceptAfter: once(new EventTarget(), 'never'),
    });
    const socket = await open(url);
    socket.write(postFields({}));
    await until(
      () => asked.length,
      (count) => count === 1,
    );
    socket.end();
    await until(openConnections, (count) => count === 0);
  });
});
