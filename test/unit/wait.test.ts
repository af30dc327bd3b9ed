/** How long a call is held: the body's word before the Prefer header's (RFC 7240) before the default. */
import { fastify } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { resolveWait, untilClientDisconnects } from '../../src/http/routes/wait.ts';
import { open } from '../support/raw-http.ts';

const SETTINGS = { defaultWaitSeconds: 7, waitSeconds: 30, maxWaitSeconds: 60 };
const DEFAULT = { waitMs: 7_000, applied: null, isNamed: false };
const ASYNC = { waitMs: 0, applied: 'respond-async', isNamed: true };

describe('the wait of a call', () => {
  it.each([
    ['a number of seconds', 5, undefined, 5_000],
    ['a fraction of a second', 0.25, undefined, 250],
    ['0, which is no wait', 0, undefined, 0],
    ['more than the service allows, which is taken as the most', 3_600, undefined, 60_000],
    ['true, which is the wait of the service', true, undefined, 30_000],
    ['false, which is no wait', false, undefined, 0],
    ['a number, whatever Prefer says', 5, 'wait=9', 5_000],
    ['0, whatever Prefer says', 0, 'wait=9', 0],
    ['true, whatever Prefer says', true, 'respond-async', 30_000],
    ['false, whatever Prefer says', false, 'wait=9', 0],
  ] as const)('is what the body says: %s', (_what, fromBody, prefer, waitMs) => {
    // Preference-Applied names what was applied of the header: nothing was.
    expect(resolveWait(SETTINGS, fromBody, prefer)).toEqual({ waitMs, applied: null, isNamed: true });
  });

  it.each([
    ['wait=5', 5, 5_000],
    ['wait=0', 0, 0],
    ['wait=3600', 3_600, 60_000],
    ['WAIT=5', 5, 5_000],
    ['wait="5"', 5, 5_000],
    ['wait = 5', 5, 5_000],
    ['  wait=5  ', 5, 5_000],
    ['wait=05', 5, 5_000],
    ['wait=5; strict', 5, 5_000],
    ['wait=5;strict=yes', 5, 5_000],
    ['return=minimal, wait=5', 5, 5_000],
    ['wait=5, return=minimal', 5, 5_000],
    ['respond-async, wait=5', 5, 5_000],
    ['wait=5, respond-async', 5, 5_000],
    // RFC 7240, 2: of a preference that stands twice, the first counts.
    ['wait=5, wait=9', 5, 5_000],
  ])('is what Prefer says where the body says nothing: %s', (prefer, seconds, waitMs) => {
    expect(resolveWait(SETTINGS, undefined, prefer)).toEqual({
      waitMs,
      applied: `wait=${seconds}`,
      isNamed: true,
    });
  });

  it.each([
    'respond-async',
    'Respond-Async',
    'respond-async; foo=bar',
    'return=minimal, respond-async',
    // A wait that cannot be read is none.
    'respond-async, wait=soon',
    'wait=99999, respond-async',
    'respond-async, waiting=5',
    'foo="a, wait=5", respond-async',
  ])('is none where Prefer asks for an answer at once: %s', (prefer) => {
    expect(resolveWait(SETTINGS, undefined, prefer)).toEqual(ASYNC);
  });

  it.each([
    ['no Prefer', undefined],
    ['an empty one', ''],
    ['another preference', 'return=minimal'],
    ['no number', 'wait=soon'],
    ['no value', 'wait'],
    ['a negative number', 'wait=-1'],
    ['a fraction', 'wait=1.5'],
    ['more than an hour', 'wait=3601'],
    ['more digits than a number of seconds has', 'wait=00005'],
    ['a quote that does not end', 'wait="5'],
    ['a wait within the value of another preference', 'foo="a, wait=5"'],
    ['a second wait, because only the first one counts', 'wait=soon, wait=5'],
    ['a longer name', 'waiting=5'],
    ['a longer name that ends alike', 'no-wait=5'],
    ['a longer name that begins alike', 'respond-asynchronously'],
    ['digits of another script', 'wait=٥'],
  ])('is the default for %s, because a preference that cannot be read is ignored', (_what, prefer) => {
    expect(resolveWait(SETTINGS, undefined, prefer)).toEqual(DEFAULT);
  });

  it('keeps a default and a wait of the service within the most that it allows', () => {
    const settings = { defaultWaitSeconds: 90, waitSeconds: 80, maxWaitSeconds: 60 };
    expect(resolveWait(settings, undefined, undefined).waitMs).toBe(60_000);
    expect(resolveWait(settings, true, undefined).waitMs).toBe(60_000);
  });
});

describe('the end of a wait', () => {
  async function start(stopping: AbortSignal) {
    const app = fastify();
    const signals = Promise.withResolvers<AbortSignal>();
    const answer = Promise.withResolvers<string>();
    app.get('/', async (_request, reply) => {
      signals.resolve(untilClientDisconnects(reply, stopping));
      return answer.promise;
    });
    onTestFinished(() => app.close());
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    return { url, signal: signals.promise, answer: answer.resolve };
  }
  const aborted = async (signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    await promise;
  };

  it('comes when the caller disconnects', async () => {
    const { url, signal } = await start(new AbortController().signal);
    const socket = await open(url);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const wait = await signal;
    expect(wait.aborted).toBe(false);
    socket.destroy();
    await aborted(wait);
  });

  it('comes when the process stops', async () => {
    const stopping = new AbortController();
    const { url, signal, answer } = await start(stopping.signal);
    const answered = fetch(url);
    const wait = await signal;
    expect(wait.aborted).toBe(false);
    stopping.abort();
    expect(wait.aborted).toBe(true);
    answer('late');
    expect(await (await answered).text()).toBe('late');
  });

  it('does not come with an answer that the caller took', async () => {
    const { url, signal, answer } = await start(new AbortController().signal);
    const answered = fetch(url, { headers: { connection: 'close' } });
    const wait = await signal;
    answer('in time');
    expect(await (await answered).text()).toBe('in time');
    expect(wait.aborted).toBe(false);
  });
});
