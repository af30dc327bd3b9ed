/** Responses as streams: numbers, joining after a number, and what the official SDK makes of them. */
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { errorOf, get, readRecord, unique, untilRecord } from '../support/api.ts';
import { openStream } from '../support/read-stream.ts';
import {
  numbered as asEvents,
  responseEnding,
  responseOpening,
  responseStream,
} from '../support/stream-steps.ts';
import { until } from '../support/until.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, url } = await useDeployment();
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const PATH = '/v1/responses';
const body = (key: string, fields: object = {}): object => ({
  model: key,
  input: 'hi',
  idempotency_key: key,
  ...fields,
});

const Numbered = z.looseObject({ type: z.string(), sequence_number: z.number() });
type Numbered = z.infer<typeof Numbered>;
const numbered = (events: readonly unknown[]): Numbered[] => events.map((event) => Numbered.parse(event));
const numbers = (events: readonly unknown[]): number[] => numbered(events).map((one) => one.sequence_number);
const joined = async (id: string, after?: number): Promise<readonly unknown[]> => {
  const query = after === undefined ? '' : `&starting_after=${after}`;
  return (await (await openStream(url, `${PATH}/${id}?stream=true${query}`, null)).rest()).events;
};

describe('a streamed Response', () => {
  it('has the id of its request and the numbers of its attempt in every event', async () => {
    const key = unique('numbers');
    upstream.script(key, { stream: responseStream('Hel', 'lo') });
    const { events, headers } = await (await openStream(url, PATH, body(key))).rest();
    expect(headers.get('x-request-id')).toBe(key);
    expect(numbers(events)).toEqual(events.map((_, index) => index));
    expect(numbered(events).map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    for (const event of events) expect(JSON.stringify(event)).not.toContain('resp_1');
    expect(events.at(-1)).toMatchObject({ response: { id: key, status: 'completed' } });
    expect(await readRecord(url, key)).toMatchObject({
      status: 'completed',
      upstream_response_id: 'resp_1',
      usage: { total_tokens: 15 },
    });
    // Again from the stored result: the same events under the same numbers.
    expect(await joined(key)).toEqual(events);
  });

  it('is joined after any number, while it runs and after its end', async () => {
    const key = unique('after');
    const goOn = Promise.withResolvers<void>();
    upstream.script(key, {
      stream: [...responseOpening('a', 'b', 'c'), { until: goOn.promise }, ...responseEnding('abc')],
    });
    const first = await openStream(url, PATH, body(key));
    await first.until(7);
    const second = await openStream(url, `${PATH}/${key}?stream=true&starting_after=4`, null);
    await second.until(2);
    goOn.resolve();
    const { events } = await first.rest();
    expect((await second.rest()).events).toEqual(events.slice(5));
    // After the last event there is nothing left but the same end.
    expect(await joined(key, events.length - 1)).toEqual(events.slice(-1));
    for (const at of [0, 3, 5, events.length - 2]) {
      expect(await joined(key, at)).toEqual(events.slice(at + 1));
    }
  });

  it('gives no event twice to a caller that comes after events that are not replayed', async () => {
    const key = unique('images');
    const goOn = Promise.withResolvers<void>();
    const images = asEvents(
      100,
      ['a', 'b', 'c'].map((partial_image_b64) => ({
        type: 'response.image_generation_call.partial_image',
        output_index: 0,
        item_id: 'msg_1',
        partial_image_b64,
      })),
    );
    upstream.script(key, {
      stream: [
        ...responseOpening(),
        ...images,
        ...responseOpening('x', 'y', 'z', 'x', 'y').slice(4),
        { until: goOn.promise },
        ...responseEnding('xyzxy'),
      ],
    });
    const first = await openStream(url, PATH, body(key));
    await first.until(9);
    const second = await openStream(url, PATH, body(key));
    await second.until(9);
    goOn.resolve();
    const seen = numbers((await second.rest()).events);
    expect(seen).toEqual([...new Set(seen)]);
    expect(seen).toEqual(numbers(await joined(key)));
  });

  it('that breaks off ends with an error, and the next attempt has numbers of its own', async () => {
    const key = unique('broken');
    upstream.script(
      key,
      { stream: [...responseOpening('lost'), 'reset'] },
      { stream: responseStream('good') },
    );
    const { events } = await (await openStream(url, PATH, body(key))).rest();
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      code: 'stream_interrupted',
      param: null,
      error: { code: 'stream_interrupted', request_id: key, terminal: false },
    });
    await untilRecord(url, key, ({ terminal }) => terminal);
    const again = await joined(key);
    expect(numbers(again)[0]).toBe(1_000_000);
    expect(again.at(-1)).toMatchObject({ type: 'response.completed', response: { id: key } });
    const abandoned = await get(url, `${PATH}/${key}?stream=true&starting_after=4`);
    expect([abandoned.status, errorOf(abandoned).code, abandoned.headers.get('x-should-retry')]).toEqual([
      409,
      'stream_superseded',
      'false',
    ]);
    const all = [...numbers(events), ...numbers(again)];
    expect(new Set(all).size).toBe(all.length);
  });

  it('of a request that fails after events ends with response.failed', async () => {
    const key = unique('failed');
    upstream.script(key, { stream: [...responseOpening('lost'), 'reset'] });
    const { events } = await (await openStream(url, PATH, body(key, { reqrun: { max_attempts: 1 } }))).rest();
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { id: key, status: 'failed', error: { type: 'upstream_response_lost' } },
    });
  });

  it('is understood by the official SDK, live and when it is retrieved after a number', async () => {
    const key = unique('sdk');
    upstream.script(key, { stream: responseStream('Hel', 'lo') });
    const stream = client.responses.stream({ ...body(key), model: key, input: 'hi' });
    const deltas: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => void deltas.push(delta));
    const final = await stream.finalResponse();
    expect([deltas.join(''), final.id, final.output_text]).toEqual(['Hello', key, 'Hello']);
    const rest = await client.responses.retrieve(key, { stream: true, starting_after: 4 });
    const seen: string[] = [];
    for await (const event of rest) seen.push(event.type);
    expect(seen[0]).toBe('response.output_text.delta');
    expect(seen.at(-1)).toBe('response.completed');
  });

  it('that breaks off is an error of the official SDK, for plain iteration and for its helper', async () => {
    const key = unique('sdk-broken');
    upstream.script(
      key,
      { stream: [...responseOpening('lost'), 'reset'] },
      { stream: responseStream('good') },
    );
    const plain = await client.responses.create({ ...body(key), model: key, input: 'hi', stream: true });
    const iterate = async (): Promise<void> => {
      for await (const event of plain) void event;
    };
    await expect(iterate()).rejects.toThrow(OpenAI.APIError);
    const helped = unique('sdk-helped');
    upstream.script(
      helped,
      { stream: [...responseOpening('lost'), 'reset'] },
      { stream: responseStream('good') },
    );
    const stream = client.responses.stream({ ...body(helped), model: helped, input: 'hi' });
    await expect(stream.finalResponse()).rejects.toThrow();
    await until(
      () => readRecord(url, helped),
      ({ status }) => status === 'completed',
    );
    expect((await client.responses.retrieve(helped)).output_text).toBe('good');
  });
});

describe('a streamed chat completion of the official SDK', () => {
  it('is the same through plain iteration and through its helper', async () => {
    const key = unique('chat-sdk');
    const messages = [{ role: 'user' as const, content: 'hi' }];
    const runner = client.chat.completions.stream({ model: 'whole', messages });
    expect(await runner.finalContent()).toBe('fine');
    const plain = await client.chat.completions.create({ model: key, messages, stream: true });
    const texts: string[] = [];
    for await (const { choices } of plain) texts.push(choices[0]?.delta.content ?? '');
    expect(texts.join('')).toBe('fine');
  });
});
