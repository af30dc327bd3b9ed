/** The upstream is never called more often than the record says: one attempt is one request on the wire. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { StreamedOperation } from '../../../src/domain/streams/stream-event.ts';
import { createUpstream, type Upstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';
import type { StreamedCall } from '../../../src/upstream/event-stream.ts';
import { rawAnswer, startRawUpstream, type RawUpstream } from '../../support/raw-upstream.ts';
import { completion, responseOf } from '../../support/scripted-upstream.ts';
import { newStreamedCall } from '../../support/stream-events.ts';
import { until } from '../../support/until.ts';

type Acts = Parameters<typeof startRawUpstream>;

const opened: { close(): unknown }[] = [];
afterEach(() => Promise.all(opened.splice(0).map((it) => it.close())));

async function start(...acts: Acts): Promise<{ raw: RawUpstream; upstream: Upstream }> {
  const raw = await startRawUpstream(...acts);
  const upstream = createUpstream({ baseURL: raw.baseURL, apiKey: null, maxResponseBytes: 1_000_000 });
  opened.push(raw, upstream);
  return { raw, upstream };
}

function call(
  upstream: Upstream,
  {
    signal = AbortSignal.timeout(30_000),
    stream = null,
    operation = 'chat.completions',
  }: { signal?: AbortSignal; stream?: StreamedCall | null; operation?: StreamedOperation } = {},
): Promise<UpstreamAnswer> {
  const body = Buffer.from(JSON.stringify({ model: 'm', messages: [] }));
  return upstream.complete({ body, operation, clientRequestId: 'rr/1', signal, stream });
}

const fine = rawAnswer('200 OK', JSON.stringify(completion()));
const write =
  (text: string): Acts[number] =>
  (socket) =>
    void socket.write(text);
const end =
  (text: string): Acts[number] =>
  (socket) =>
    void socket.end(text);
const reset: Acts[number] = (socket) => void socket.resetAndDestroy();
const close: Acts[number] = (socket) => void socket.end();

/** Enough for whatever would be sent again to arrive. A busy machine could only hide it, never make it up. */
const settle = (): Promise<void> => sleep(50);

describe('one attempt', () => {
  it.each<[string, Acts[number]]>([
    ['a 401', write(rawAnswer('401 Unauthorized', '{}', ['www-authenticate: Basic']))],
    [
      'a 407, which a browser would ask its user about',
      write(rawAnswer('407 Proxy Authentication Required')),
    ],
    ['a 408, as servers send to idle connections', end(rawAnswer('408 Request Timeout'))],
    ['a 421, which a browser would send again', write(rawAnswer('421 Misdirected Request'))],
    [
      'a 421 that closes its connection',
      end(rawAnswer('421 Misdirected Request', '', ['connection: close'])),
    ],
    ['a 425, which a browser may send again', write(rawAnswer('425 Too Early'))],
    ['a 503 with Retry-After: 0', write(rawAnswer('503 Busy', '{}', ['retry-after: 0']))],
    ['a 307 to itself', write(rawAnswer('307 Go', '', ['location: /v1/chat/completions']))],
    ['a 100 that nobody asked for', write(`HTTP/1.1 100 Continue\r\n\r\n${fine}`)],
    ['a 103 and nothing after it', end('HTTP/1.1 103 Early Hints\r\n\r\n')],
    ['a 101', write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')],
    ['a reset', reset],
    ['a close', close],
    ['half a status line', end('HTTP/1.1 2')],
    ['half a body', end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{')],
    ['half a chunk', end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{')],
  ])('sends one request when it is answered by %s', async (_title, act) => {
    const { raw, upstream } = await start(act, write(fine));
    await call(upstream);
    await settle();
    expect(raw.requests).toEqual([0]);
  });

  it.each<[string, Acts[number]]>([
    ['resets', reset],
    ['closes', close],
  ])(
    'sends one request on a connection that was kept alive and now %s, for it may have been read',
    async (_title, act) => {
      const { raw, upstream } = await start(write(fine), act, write(fine));
      expect(await call(upstream)).toMatchObject({ kind: 'completed' });
      await settle();
      expect(await call(upstream)).toMatchObject({
        failure: { code: 'upstream_connection_lost', outcome: 'unknown' },
      });
      await settle();
      expect(raw.requests).toEqual([0, 0]);
    },
  );

  it('takes a new connection when the one that was kept alive has been closed meanwhile', async () => {
    const { raw, upstream } = await start(end(fine), write(fine));
    expect(await call(upstream)).toMatchObject({ kind: 'completed' });
    // Ended on both sides: the client has noticed.
    await until(raw.openConnections, (count) => count === 0);
    expect(await call(upstream)).toMatchObject({ kind: 'completed' });
    expect(raw.requests).toEqual([0, 1]);
  });

  it('sends one request when it is aborted before the answer, in its body and with others under way', async () => {
    const { raw, upstream } = await start(
      () => undefined,
      write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{'),
    );
    const abort = new AbortController();
    const calls = [1, 2, 3].map(() => call(upstream, { signal: abort.signal }));
    await until(
      () => raw.requests.length,
      (count) => count === 3,
    );
    abort.abort();
    const answers = await Promise.all(calls);
    expect(answers.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed']);
    await settle();
    expect(raw.requests).toHaveLength(3);
  });
});

describe('the connection of a stream', () => {
  const events =
    'data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
  const never = new AbortController().signal;
  const open = `${head}${events.length.toString(16)}\r\n${events}\r\n`;

  it('is closed if the upstream keeps the stream open after its end', async () => {
    const { raw, upstream } = await start(write(open));
    expect(await call(upstream, { stream: newStreamedCall() })).toMatchObject({ kind: 'completed' });
    await until(raw.openConnections, (count) => count === 0);
  });

  it('is closed if the upstream goes on to write after the end', async () => {
    const { raw, upstream } = await start((socket) => {
      socket.write(open);
      const pings = setInterval(() => socket.write('8\r\n: ping\n\n\r\n'), 20);
      socket.once('close', () => clearInterval(pings));
    });
    expect(await call(upstream, { stream: newStreamedCall(), signal: never })).toMatchObject({
      kind: 'completed',
    });
    await until(raw.openConnections, (count) => count === 0);
  });

  it.each(['event: response.completed\n', ''])(
    'of a Response is closed after its end, with "%s"',
    async (name) => {
      const data = JSON.stringify({ type: 'response.completed', response: responseOf() });
      const last = `${name}data: ${data}\n\n`;
      const { raw, upstream } = await start(write(`${head}${last.length.toString(16)}\r\n${last}\r\n`));
      const asked = { stream: newStreamedCall('responses'), operation: 'responses', signal: never } as const;
      expect(await call(upstream, asked)).toMatchObject({ kind: 'completed' });
      await until(raw.openConnections, (count) => count === 0);
    },
  );

  it('is used again if the stream ends', async () => {
    const { raw, upstream } = await start(write(`${open}0\r\n\r\n`));
    const callAgain = async (): Promise<readonly number[]> => {
      expect(await call(upstream, { stream: newStreamedCall() })).toMatchObject({ kind: 'completed' });
      return raw.requests;
    };
    await until(callAgain, (connections) => new Set(connections).size < connections.length);
  });
});

describe('an answer that only the Fetch standard finds special', () => {
  it('takes a 407 as the refusal that it is, not as a broken connection', async () => {
    const { upstream } = await start(write(rawAnswer('407 Proxy Authentication Required')));
    expect(await call(upstream)).toMatchObject({
      failure: { code: 'upstream_auth_failed', outcome: 'rejected', retry: 'never', upstreamStatus: 407 },
    });
  });

  it('makes the attempt after a 421 on another connection, because this one leads elsewhere', async () => {
    const { raw, upstream } = await start(write(rawAnswer('421 Misdirected Request')), write(fine));
    expect(await call(upstream)).toMatchObject({
      failure: {
        code: 'upstream_unreachable',
        outcome: 'rejected',
        billed: 'no',
        retry: 'twice',
        phase: 'headers',
        upstreamStatus: 421,
      },
    });
    expect(await call(upstream)).toMatchObject({ kind: 'completed' });
    expect(raw.requests).toEqual([0, 1]);
  });

  it('reaches an upstream on a port that browsers block', async () => {
    const upstream = createUpstream({
      baseURL: 'http://127.0.0.1:1/v1',
      apiKey: null,
      maxResponseBytes: 1_000_000,
    });
    opened.push(upstream);
    expect(await call(upstream)).toMatchObject({ failure: { code: 'upstream_unreachable' } });
  });
});
