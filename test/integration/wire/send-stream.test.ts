/** What one caller of a stream costs, and how it is dropped: real sockets, and attempts that the test publishes. */
import fastify from 'fastify';
import { getEventListeners, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { createAssembly } from '../../../src/domain/streams/assembly.ts';
import type { PublishedAttempt } from '../../../src/domain/streams/channel.ts';
import type { FollowedRequest, WholeRun } from '../../../src/domain/requests.ts';
import { sendStream } from '../../../src/http/streams/send-stream.ts';
import { createStreamHub } from '../../../src/streams/hub.ts';
import { until } from '../../support/until.ts';

const hub = createStreamHub();
const settled = new Map<string, PromiseWithResolvers<WholeRun | null>>();
const responses = new Map<
  string,
  { buffered: () => number; isEnded: () => boolean; isClosed: () => boolean }
>();
const stopping = new AbortController();
const app = fastify();
app.get<{ Params: { id: string; unread: string } }>('/:id/:unread', (request, reply) => {
  const { id, unread } = request.params;
  const followed: FollowedRequest = {
    id,
    createdAt: new Date(0).toISOString(),
    operation: 'chat.completions',
    model: 'm',
    replayed: false,
    response: null,
    abandoned: 0,
    settled: endOf(id).promise,
    follow: (onChange, from) => hub.follow(id, onChange, from),
    leave: () => undefined,
  };
  responses.set(request.url, {
    buffered: () => reply.raw.writableLength,
    isEnded: () => reply.raw.writableEnded,
    isClosed: () => reply.raw.destroyed,
  });
  const times = { keepaliveMs: 50, unreadMs: Number(unread) };
  const wish = { operation: 'chat.completions', usage: false, from: null } as const;
  return sendStream(reply, followed, wish, stopping.signal, times);
});
const url = await app.listen({ port: 0, host: '127.0.0.1' });
afterAll(() => app.close());

function endOf(id: string): PromiseWithResolvers<WholeRun | null> {
  const end = settled.get(id) ?? Promise.withResolvers<WholeRun | null>();
  settled.set(id, end);
  return end;
}

/** An attempt whose chunks the test publishes. */
function begin(id: string): {
  add(choice: object): void;
  say(text: string): void;
  end(): void;
  published: PublishedAttempt;
} {
  const assembly = createAssembly('chat.completions', 1);
  const published = hub.begin(id, { operation: 'chat.completions', attempt: 1, assembly });
  const add = (choice: object): void => {
    const data = JSON.stringify({
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [choice],
    });
    const added = assembly.add({ event: null, data });
    if (added.kind === 'forward') published.publish(added.events);
  };
  return {
    published,
    add,
    say: (content) => add({ index: 0, delta: { content }, finish_reason: null }),
    end: () => {
      add({ index: 0, delta: {}, finish_reason: 'stop' });
      published.end('completed');
      const { cuts } = assembly;
      endOf(id).resolve({ kind: 'completed', result: assembly.bytes(), attempt: 1, cuts });
    },
  };
}

/** A caller that reads nothing until it is told to. */
async function open(path: string): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  let text = '';
  socket.pause();
  socket.on('data', (bytes) => (text += String(bytes)));
  socket.pause();
  return { socket, text: () => text };
}

/** The text of all chunks. HTTP's chunks may cut an event, so their lengths are taken out first. */
function contentOf(raw: string): string {
  const body = raw.slice(raw.indexOf('\r\n\r\n') + 4);
  let [at, joined] = [0, ''];
  while (at < body.length) {
    const end = body.indexOf('\r\n', at);
    const size = parseInt(body.slice(at, end), 16);
    if (!(size > 0)) break;
    joined += body.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
  }
  return [...joined.matchAll(/"content":"([^"]*)"/g)].map(([, content]) => content).join('');
}

describe('a caller of a stream', () => {
  it('that reads slowly keeps little in memory, slows nobody, and gets every delta once', async () => {
    const id = 'slow';
    const attempt = begin(id);
    const slow = await open(`/${id}/60000`);
    const fast = await open(`/${id}/59999`);
    fast.socket.resume();
    await until(
      () => responses.size,
      (count) => count >= 2,
    );
    const words: string[] = [];
    for (let index = 0; index < 40_000; index += 1) {
      const word = `word-${index} `;
      words.push(word);
      attempt.say(word);
      if (index % 100 === 0) await turn();
    }
    attempt.end();
    await until(fast.text, (text) => text.includes('[DONE]'));
    expect(contentOf(fast.text())).toBe(words.join(''));
    const buffered = responses.get(`/${id}/60000`)?.buffered() ?? NaN;
    // 40,000 events have 6 MB. The rest is in the attempt's own text, which all callers share.
    expect(buffered).toBeGreaterThan(0);
    expect(buffered).toBeLessThan(100_000);
    slow.socket.resume();
    await until(slow.text, (text) => text.includes('[DONE]'));
    expect(contentOf(slow.text())).toBe(words.join(''));
  });

  it('that does not read at all is dropped, and the stream says why', async () => {
    const id = 'unread';
    const attempt = begin(id);
    const caller = await open(`/${id}/200`);
    await until(
      () => responses.has(`/${id}/200`),
      (has) => has,
    );
    for (let index = 0; index < 40_000; index += 1) attempt.say('some words that nobody reads ');
    await until(
      () => responses.get(`/${id}/200`)?.isEnded(),
      (isEnded) => isEnded === true,
    );
    // It has some seconds to read why.
    caller.socket.resume();
    await until(caller.text, (text) => text.includes('"code":"stream_interrupted"'));
    expect(caller.text()).not.toContain('[DONE]');

    await open(`/${id}/201`);
    await until(
      () => responses.get(`/${id}/201`)?.isClosed(),
      (isClosed) => isClosed === true,
    );
  });

  it('that does not read the end of its stream is dropped as well', async () => {
    const caller = await open('/unread-end/200');
    await until(
      () => responses.has('/unread-end/200'),
      (has) => has,
    );
    const attempt = begin('unread-end');
    // Comes in one piece, as the last event of a Response does.
    attempt.add({ index: 0, delta: { content: 'a' }, finish_reason: 'stop', more: 'x'.repeat(8_000_000) });
    attempt.end();
    await until(
      () => responses.get('/unread-end/200')?.isClosed(),
      (isClosed) => isClosed === true,
    );
    expect(caller.text()).toBe('');
  });

  it('hears that the connection lives while nothing is said', async () => {
    const caller = await open('/quiet/60000');
    caller.socket.resume();
    await until(caller.text, (text) => text.split(': keepalive').length > 3);
  });

  it('is forgotten when its stream ends, and when it leaves', async () => {
    const listening = (): number => getEventListeners(stopping.signal, 'abort').length;
    await until(listening, (count) => count === 0);
    const attempt = begin('forgotten');
    const callers = await Promise.all(['1', '2'].map((path) => open(`/forgotten/${path}`)));
    for (const { socket } of callers) socket.resume();
    await until(listening, (count) => count === 2);
    callers[1]?.socket.destroy();
    await until(listening, (count) => count === 1);
    attempt.say('a');
    attempt.end();
    await until(callers[0]?.text ?? String, (text) => text.includes('[DONE]'));
    await until(listening, (count) => count === 0);
  });

  it('is told how to go on when the process stops', async () => {
    const attempt = begin('stopping');
    const caller = await open('/stopping/60000');
    caller.socket.resume();
    attempt.say('a');
    await until(caller.text, (text) => text.includes('"a"'));
    stopping.abort();
    await until(caller.text, (text) => text.includes('"code":"stream_interrupted"'));
    expect(caller.text()).toContain('same idempotency key');

    const late = await open('/late/60000');
    late.socket.resume();
    await until(late.text, (text) => text.includes('"code":"stream_interrupted"'));
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });
});
