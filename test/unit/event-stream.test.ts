/** Reading an upstream's event stream, whatever its bytes are cut into and however its lines end. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StreamEvent } from '../../src/domain/streams/stream-event.ts';
import { readEventStream, type StreamEnd, watchStream } from '../../src/upstream/event-stream.ts';
import { ResponseTooLargeError } from '../../src/upstream/response-body.ts';
import { newStreamedCall } from '../support/stream-events.ts';
import { textOf } from '../support/read-stream.ts';
import { chatStream, chunk, DONE, ending, opening } from '../support/stream-steps.ts';

interface Read {
  readonly end: StreamEnd | 'broken';
  readonly text: string;
  readonly answer: unknown;
  readonly events: number;
}

/** Reads chunks of bytes; `breaks` throws at their end, as a connection that is reset does. */
async function read(chunks: readonly Uint8Array[], { breaks = false } = {}): Promise<Read> {
  const forwarded: StreamEvent[] = [];
  const forward = (events: readonly StreamEvent[]): void => void forwarded.push(...events);
  const call = { ...newStreamedCall(), forward };
  const watch = watchStream(call);
  async function* body(): AsyncGenerator<Uint8Array> {
    yield* chunks;
    if (breaks) throw new Error('reset');
  }
  const end = await readEventStream(body(), call, watch).catch(() => 'broken' as const);
  watch.stop();
  return {
    end,
    text: textOf(forwarded.map(({ data }) => JSON.parse(data))),
    answer: JSON.parse(new TextDecoder().decode(call.assembly.bytes())),
    events: watch.progress()?.events ?? 0,
  };
}
const whole = (text: string): Promise<Read> => read([Buffer.from(text)]);
const end = chunk({}, { finish_reason: 'stop' });
const contentOf = (answer: unknown): unknown => Object(answer).choices?.[0]?.message?.content;

/** Characters of one to four bytes. */
const WORDS = ['Grüße ', '日本語 ', '👩‍💻 ', '\u0000\u2028 ', 'plain '];
const TEXT = WORDS.join('');

describe('an event stream', () => {
  it('is the same wherever its bytes are cut, with any line ends and with comments between', async () => {
    const events = chatStream(...WORDS).map(String);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 40 }),
        async (lineEnd, hasComments, places) => {
          const comment = hasComments ? ': keep-alive\n\n' : '';
          const text = events
            .map((event) => comment + event)
            .join('')
            .replaceAll('\n', lineEnd);
          const bytes = Buffer.from(text);
          const cuts = [
            0,
            ...places.map((place) => place % bytes.length).toSorted((a, b) => a - b),
            bytes.length,
          ];
          const chunks = cuts.slice(1).map((to, index) => bytes.subarray(cuts[index], to));
          const seen = await read(chunks);
          expect(seen).toMatchObject({ end: { kind: 'ended' }, text: TEXT, events: events.length });
          expect(contentOf(seen.answer)).toBe(TEXT);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('may have a byte order mark, fields without a space, and unknown fields', async () => {
    const [first = '', ...rest] = chatStream('a').map(String);
    const odd = first.replace('data: ', 'id: 1\nretry: 5\nunknown: x\ndata:');
    expect(contentOf((await whole(`\uFEFF${odd}${rest.join('')}`)).answer)).toBe('a');
  });

  it('may have data of several lines', async () => {
    const pretty = JSON.stringify(JSON.parse(chunk({ content: 'a' }).slice(6)), null, 2);
    const event = `${pretty
      .split('\n')
      .map((line) => `data: ${line}`)
      .join('\n')}\n\n`;
    expect(contentOf((await whole(event + chatStream('b').slice(2).join(''))).answer)).toBe('a');
  });

  it('needs neither [DONE] nor a blank line after its last event', async () => {
    for (const last of [end, end.trimEnd()]) {
      expect((await whole(opening('a').join('') + last)).end).toEqual({ kind: 'ended', hasEvents: true });
    }
  });

  it('that breaks after its finish reason has its answer, and before it has none', async () => {
    const text = opening('a').join('');
    const finished = Buffer.from(text + end);
    expect((await read([finished], { breaks: true })).end).toMatchObject({ kind: 'ended' });
    expect((await read([Buffer.from(text)], { breaks: true })).end).toBe('broken');
  });

  it('is over with its first error, and what follows belongs to no answer', async () => {
    const error = 'data: {"error":{"message":"no"}}\n\n';
    const seen = await whole(opening('a').join('') + error + chunk({ content: 'b' }) + DONE);
    expect(seen).toMatchObject({ end: { kind: 'error', event: { error: { message: 'no' } } }, text: 'a' });
  });

  it('is over with [DONE], and what follows belongs to no answer', async () => {
    const after = `${chunk({ content: 'b' })}data: {"error":{"message":"no"}}\n\n`;
    const seen = await whole(chatStream('a').join('') + after);
    expect(seen).toMatchObject({ end: { kind: 'ended' }, text: 'a', events: 5 });
    expect(contentOf(seen.answer)).toBe('a');
  });

  it('is unreadable with an event of broken JSON, because it may have had a part of the answer', async () => {
    const broken = 'data: {"choices":[{"index":0,"delta":{"content":"b",}}]}\n\n';
    const seen = await whole(opening('a').join('') + broken + chatStream('c').slice(1).join(''));
    expect(seen).toMatchObject({ end: { kind: 'unreadable' }, text: 'a' });
  });

  it.each([
    ['what is no JSON at all', [...opening('a'), 'data: ping\n\n', 'data:\n\n', ...ending()].join('')],
    ['broken JSON after the finish reason', [...opening('a'), end, 'data: {"usage":\n\n', DONE].join('')],
    ['an event that is cut off after the finish reason', [...opening('a'), end, 'data: {"us'].join('')],
  ])('passes over %s', async (_what, text) => {
    const seen = await whole(text);
    expect(seen).toMatchObject({ end: { kind: 'ended' }, text: 'a' });
    expect(contentOf(seen.answer)).toBe('a');
  });

  it('that is cut off within an event has ended before its answer', async () => {
    expect((await whole(`${opening('a').join('')}data: {"choices":[{"ind`)).end).toMatchObject({
      kind: 'ended',
    });
  });

  it('with an event that has no end is too large', async () => {
    const mebibyte = Buffer.alloc(1024 * 1024, 'x');
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('data: ');
      for (;;) yield mebibyte;
    }
    const call = newStreamedCall();
    const read = readEventStream(body(), call, watchStream(call));
    await expect(read).rejects.toBeInstanceOf(ResponseTooLargeError);
  });

  it('of comments alone has no events', async () => {
    expect(await whole(': keep-alive\n\n'.repeat(3))).toMatchObject({
      end: { kind: 'ended', hasEvents: false },
      events: 0,
    });
  });
});
