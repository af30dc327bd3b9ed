/** What the answer to a streamed call is read as: its beginning decides, because the official clients read it so. */
import { afterEach, describe, expect, it } from 'vitest';
import { newStreamedCall } from '../../support/stream-events.ts';
import { createUpstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';
import { rawAnswer, type RawUpstream, startRawUpstream } from '../../support/raw-upstream.ts';
import { completion } from '../../support/scripted-upstream.ts';
import { chatStream } from '../../support/stream-steps.ts';

const opened: { close(): unknown }[] = [];
afterEach(() => Promise.all(opened.splice(0).map((it) => it.close())));

/** Makes one streamed call, which is answered with these texts, one after the other. */
async function call(type: string | null, ...texts: readonly string[]): Promise<UpstreamAnswer> {
  const whole = rawAnswer('200 OK', texts.join(''), type === null ? [] : [`content-type: ${type}`]);
  const head = whole.slice(0, whole.length - texts.join('').length);
  const raw = await startRawUpstream((socket) => {
    for (const text of [head, ...texts]) socket.write(text);
  });
  return callOf(raw, AbortSignal.timeout(30_000));
}

async function callOf(raw: RawUpstream, signal: AbortSignal): Promise<UpstreamAnswer> {
  const upstream = createUpstream({ baseURL: raw.baseURL, apiKey: null, maxResponseBytes: 10_000 });
  opened.push(raw, upstream);
  return upstream.complete({
    operation: 'chat.completions',
    body: Buffer.from('{"model":"m","messages":[]}'),
    clientRequestId: 'rr/1',
    signal,
    stream: newStreamedCall(),
  });
}

const contentOf = (answer: UpstreamAnswer): unknown =>
  answer.kind === 'completed' &&
  JSON.parse(Buffer.from(answer.bytes).toString()).choices[0]?.message?.content;
const events = chatStream('a').join('');
const json = JSON.stringify(completion());

describe('the answer to a streamed call', () => {
  it.each([
    ['without a content type', null, [events]],
    ['as text', 'text/plain; charset=utf-8', [events]],
    ['as bytes', 'application/octet-stream', [events]],
    ['as text, after a comment', 'text/plain', [': hi\n\n', events]],
    ['as text, in small pieces', 'text/plain', ['da', 'ta', events.slice(4)]],
    ['as events, after empty lines', 'text/event-stream', ['\n', '\n', events]],
  ])('is a stream %s', async (_how, type, texts) => {
    const answer = await call(type, ...texts);
    expect(contentOf(answer)).toBe('a');
    expect(answer.stream).toMatchObject({ events: 5, bytes: Buffer.byteLength(texts.join('')) });
  });

  it.each([
    ['as JSON', 'application/json', [json]],
    ['without a content type', null, [json]],
    ['as events', 'text/event-stream', ['\n', json]],
  ])('is a whole answer in JSON %s', async (_how, type, texts) => {
    const answer = await call(type, ...texts);
    expect(contentOf(answer)).toBe('fine');
    expect(answer.stream).toBeNull();
  });

  it.each([
    ['an error as events', 'text/event-stream', '{"error":{"message":"no"}}', 'upstream_error_in_body'],
    ['a page', 'text/html', '<html></html>', 'upstream_invalid_response'],
    ['a word', 'text/plain', 'no', 'upstream_invalid_response'],
    ['nothing', 'text/plain', '', 'upstream_invalid_response'],
    ['nothing as events', 'text/event-stream', '', 'upstream_overloaded'],
  ])('is no answer: %s', async (_what, type, text, code) => {
    expect(await call(type, text)).toMatchObject({ failure: { code } });
  });

  it('is too large by the answer, not by the bytes of its events', async () => {
    const chatter = chatStream(...Array.from({ length: 200 }, () => 'a')).join('');
    expect(contentOf(await call('text/plain', chatter))).toHaveLength(200);
    expect(await call('text/event-stream', chatStream('x'.repeat(10_000)).join(''))).toMatchObject({
      failure: { code: 'upstream_response_too_large' },
    });
  });

  it('is too large as soon as a whole one exceeds the limit, even if it has no end', async () => {
    const raw = await startRawUpstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n${'x'.repeat(10_001)}`);
    });
    const signal = new AbortController().signal;
    expect(await callOf(raw, signal)).toMatchObject({ failure: { code: 'upstream_response_too_large' } });
  });
});
