/** The bodies of answers under every content encoding: decoded here, and bounded after decoding. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { Transform } from 'node:stream';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createDeflateRaw,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createUpstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { completion } from '../../support/scripted-upstream.ts';

const json = Buffer.from(JSON.stringify(completion({ content: 'word '.repeat(500) })));

async function answerTo(encoding: string, body: Buffer, status = '200 OK'): Promise<UpstreamAnswer> {
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: application/json',
    `content-encoding: ${encoding}`,
    `content-length: ${body.length}`,
  ].join('\r\n');
  const raw = await startRawUpstream((socket) => {
    socket.write(`${head}\r\n\r\n`);
    socket.write(body);
  });
  const upstream = createUpstream({ baseURL: raw.baseURL, apiKey: null, maxResponseBytes: 1_000_000 });
  const call = Buffer.from('{"model":"m"}');
  const signal = AbortSignal.timeout(20_000);
  const answer = await upstream.complete({
    body: call,
    operation: 'chat.completions',
    clientRequestId: 'rr/1',
    signal,
  });
  await upstream.close();
  raw.close();
  return answer;
}

const textOf = (answer: UpstreamAnswer): string =>
  answer.kind === 'completed' ? Buffer.from(answer.bytes).toString() : answer.failure.code;

describe('an encoded answer', () => {
  it.each<[string, Buffer]>([
    ['gzip', gzipSync(json)],
    ['X-GZIP', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['deflate', deflateRawSync(json)],
    ['br', brotliCompressSync(json)],
    ['gzip, br', brotliCompressSync(gzipSync(json))],
    ['br,deflate,gzip', gzipSync(deflateSync(brotliCompressSync(json)))],
    ['gzip', Buffer.concat([gzipSync(json.subarray(0, 99)), gzipSync(json.subarray(99))])],
    ['identity', json],
    ['gzip, identity', gzipSync(json)],
  ])('is decoded, under %s', async (encoding, body) => {
    expect(textOf(await answerTo(encoding, body))).toBe(json.toString());
  });

  it('is the completion that it is under an encoding which it does not have', async () => {
    expect(textOf(await answerTo('utf-8', json))).toBe(json.toString());
  });

  it.each<[string, Buffer]>([
    ['zstd', Buffer.from('28b52ffd0403', 'hex')],
    ['gzip, compress', gzipSync(json)],
    ['compress, gzip', gzipSync(json)],
  ])('is no answer under %s where that leaves no JSON', async (encoding, body) => {
    expect(await answerTo(encoding, body)).toMatchObject({
      failure: { code: 'upstream_invalid_response', outcome: 'lost' },
    });
  });

  it.each(['gzip', 'x-gzip', 'deflate', 'br', 'gzip, br', 'zstd', 'br, identity'])(
    'is the completion that it is under the wrong label %s',
    async (encoding) => {
      expect(textOf(await answerTo(encoding, json))).toBe(json.toString());
    },
  );

  it.each<[string, Buffer]>([
    ['br', gzipSync(json)],
    ['gzip', brotliCompressSync(json)],
    ['deflate', gzipSync(json)],
    ['gzip', Buffer.concat([gzipSync(json).subarray(0, 40), Buffer.alloc(60, 7)])],
    ['gzip', Buffer.from([0x1f, 0x8b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])],
  ])('is called for twice at most where it is whole and %s does not fit it', async (encoding, body) => {
    expect(await answerTo(encoding, body)).toMatchObject({
      failure: {
        code: 'upstream_invalid_response',
        outcome: 'lost',
        retry: 'twice',
        detail: expect.stringContaining('encoding'),
      },
    });
  });

  it.each<[string, Buffer]>([
    ['gzip', gzipSync(json).subarray(0, -30)],
    ['gzip', gzipSync(json).subarray(0, 40)],
    ['deflate', deflateSync(json).subarray(0, -20)],
    ['br', brotliCompressSync(json).subarray(0, 60)],
  ])('is lost where its compression under %s ends before its end', async (encoding, body) => {
    expect(await answerTo(encoding, body)).toMatchObject({
      failure: { code: 'upstream_response_lost', outcome: 'lost', retry: 'always', upstreamStatus: 200 },
    });
  });

  it('is the completion that it is where only the checksum of its compression is missing', async () => {
    expect(textOf(await answerTo('gzip', gzipSync(json).subarray(0, -8)))).toBe(json.toString());
  });

  it.each(['gzip', 'deflate', 'br'])('is as empty as one without encoding, under %s', async (encoding) => {
    expect(await answerTo(encoding, Buffer.alloc(0))).toMatchObject({
      failure: { code: 'upstream_invalid_response', outcome: 'unknown', retry: 'twice' },
    });
  });

  it('tells the words of a refusal', async () => {
    const body = gzipSync(JSON.stringify({ error: { code: 'insufficient_quota' } }));
    expect(await answerTo('gzip', body, '429 Too Many Requests')).toMatchObject({
      failure: { code: 'upstream_quota_exhausted', upstreamCode: 'insufficient_quota' },
    });
  });

  it('keeps the status of a refusal under more encodings than are undone', async () => {
    const encoding = Array(6).fill('gzip').join();
    expect(await answerTo(encoding, json, '429 Too Many Requests')).toMatchObject({
      failure: { code: 'upstream_rate_limited', upstreamStatus: 429 },
    });
  });
});

describe('a decompression bomb', () => {
  const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
  it.each<[string, string, () => Transform]>([
    ['brotli', 'br', () => createBrotliCompress(fast)],
    ['deflate', 'deflate', () => createDeflate()],
    ['bare deflate', 'deflate', () => createDeflateRaw()],
  ])('of %s ends without taking its size in memory', async (_title, encoding, compress) => {
    const piece = Buffer.alloc(1_000_000, 32);
    const bomb = await buffer(Readable.from(Array<Buffer>(200).fill(piece)).pipe(compress()));
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 5);
    const answer = await answerTo(encoding, bomb);
    clearInterval(watch);
    expect(answer).toMatchObject({
      failure: { code: 'upstream_response_too_large', outcome: 'lost', retry: 'never', upstreamStatus: 200 },
    });
    expect(Math.max(peak, process.memoryUsage().rss) - before).toBeLessThan(60_000_000);
  });
});
