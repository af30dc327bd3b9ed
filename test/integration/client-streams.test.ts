/** Streams of the typed client that outlive their connection, the API process and, knowingly, their attempt. */
import { APIError, ConflictError } from 'openai';
import { afterAll, describe, expect, it } from 'vitest';
import { ReqRun, StreamSupersededError } from '../../src/client/index.ts';
import { act, readRecord, unique } from '../support/api.ts';
import { startDeployment } from '../support/deployment.ts';
import { startRedisServer } from '../support/redis-server.ts';
import {
  chatStream,
  chunk,
  ending,
  event,
  opening,
  responseEnding,
  responseOpening,
  responseStream,
  type StreamPart,
} from '../support/stream-steps.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { useDeployment } from '../support/use-deployment.ts';
import { until } from '../support/until.ts';
import { untilLive } from '../support/live-streams.ts';

const { upstream, url } = await useDeployment();
const proxy = await startTcpProxy(new URL(url).host);
afterAll(() => proxy.close());
const reqrun = new ReqRun({ baseURL: `http://${proxy.address}/v1`, maxRetries: 0 });

const messages = [{ role: 'user' as const, content: 'hi' }];
const TEXTS = ['One ', 'two ', 'three ', 'four.'];

/** The parts before the deltas, the deltas one by one, and the end; each delta but the first comes when it is let out. */
function gated(before: readonly StreamPart[], deltas: readonly StreamPart[], end: readonly StreamPart[]) {
  const gates = deltas.map(() => Promise.withResolvers<void>());
  const parts = deltas.flatMap((delta, at) => [delta, { until: gates[at]?.promise ?? Promise.resolve() }]);
  return {
    steps: { stream: [...before, ...parts, ...end] },
    letOut: (at: number): void => gates[at]?.resolve(),
  };
}

/** Cuts every connection, and listens again. */
async function cut(): Promise<void> {
  await proxy.refuse(true);
  await proxy.refuse(false);
}

/** Reads a stream to its end, and breaks its connection after each of its texts. */
async function readThroughCuts<Event>(
  events: AsyncIterable<Event>,
  textOf: (event: Event) => string | null | undefined,
  letOut: (at: number) => void,
): Promise<{ texts: string[]; events: Event[] }> {
  const seen: { texts: string[]; events: Event[] } = { texts: [], events: [] };
  for await (const one of events) {
    seen.events.push(one);
    const text = textOf(one);
    if (text === '' || text === null || text === undefined) continue;
    seen.texts.push(text);
    await cut();
    letOut(seen.texts.length - 1);
  }
  return seen;
}

describe('a stream of the typed client', () => {
  it('gives each delta of a chat completion once, through a connection that is cut after each', async () => {
    const key = unique('cut-chat');
    const deltas = TEXTS.map((content) => chunk({ content }));
    const { steps, letOut } = gated(opening(), deltas, ending());
    upstream.script(key, steps);
    const stream = await reqrun.chat.completions.create({
      model: key,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      idempotency_key: key,
    });
    const seen = await readThroughCuts(stream, ({ choices }) => choices[0]?.delta.content, letOut);
    expect(seen.texts).toEqual(TEXTS);
    expect(seen.events.filter(({ choices }) => choices[0]?.finish_reason === 'stop')).toHaveLength(1);
    expect(seen.events.at(-1)?.usage?.total_tokens).toBe(12);
    expect(await readRecord(url, key)).toMatchObject({
      status: 'completed',
      attempts: 1,
      result: { choices: [{ message: { content: TEXTS.join('') } }] },
    });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('does so for completions, also with the key that it makes itself', async () => {
    const model = unique('cut-completions');
    const piece = (text: string, finish_reason: string | null = null): string =>
      event({ id: 'cmpl-1', object: 'text_completion', choices: [{ index: 0, text, finish_reason }] });
    const { steps, letOut } = gated(
      [],
      TEXTS.map((text) => piece(text)),
      [piece('', 'stop')],
    );
    upstream.script(model, steps);
    const stream = await reqrun.completions.create({ model, prompt: 'Count.', stream: true });
    const seen = await readThroughCuts(stream, ({ choices }) => choices[0]?.text, letOut);
    expect(seen.texts).toEqual(TEXTS);
    expect(upstream.hits(model)).toHaveLength(1);
  });

  it('gives each event of a Response once, under its number', async () => {
    const key = unique('cut-response');
    const all = responseOpening(...TEXTS);
    const { steps, letOut } = gated(all.slice(0, 4), all.slice(4), responseEnding(TEXTS.join('')));
    upstream.script(key, steps);
    const stream = await reqrun.responses.create({
      model: key,
      input: 'Count.',
      stream: true,
      idempotency_key: key,
    });
    const seen = await readThroughCuts(
      stream,
      (one) => (one.type === 'response.output_text.delta' ? one.delta : null),
      letOut,
    );
    expect(seen.texts).toEqual(TEXTS);
    expect(seen.events.map(({ sequence_number }) => sequence_number)).toEqual(seen.events.map((_, at) => at));
    expect(seen.events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: { id: key, output: [{ content: [{ text: TEXTS.join('') }] }] },
    });
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('survives the loss of its connection before the service has answered', async () => {
    const key = unique('cut-early');
    const gate = Promise.withResolvers<void>();
    upstream.script(key, { stream: [{ until: gate.promise }, ...chatStream('late')] });
    const answered = reqrun.chat.completions.create({
      model: key,
      messages,
      stream: true,
      idempotency_key: key,
    });
    await until(
      () => upstream.hits(key).length,
      (count) => count === 1,
    );
    await cut();
    gate.resolve();
    let text = '';
    for await (const { choices } of await answered) text += choices[0]?.delta.content ?? '';
    expect(text).toBe('late');
    expect(upstream.hits(key)).toHaveLength(1);
  });

  it('is void when its attempt was abandoned, and the same call gives the next one', async () => {
    const key = unique('superseded');
    upstream.script(key, { stream: [...opening('lost'), 'reset'] }, { stream: chatStream('good') });
    const read = async (): Promise<string> => {
      const stream = await reqrun.chat.completions.create({
        model: key,
        messages,
        stream: true,
        idempotency_key: key,
      });
      texts = '';
      for await (const { choices } of stream) texts += choices[0]?.delta.content ?? '';
      return texts;
    };
    let texts = '';
    await expect(read()).rejects.toBeInstanceOf(StreamSupersededError);
    expect(texts).toBe('lost');
    expect(await read()).toBe('good');
    expect(upstream.hits(key)).toHaveLength(2);
  });

  it("survives in the official helpers as well, which reject with the client's error as its cause", async () => {
    const headersOf = (key: string): object => ({ headers: { 'Idempotency-Key': key } });
    const chat = unique('chat-helper');
    upstream.script(chat, { stream: [...opening('lost'), 'reset'] }, { stream: chatStream('good') });
    const complete = (): Promise<string | null> =>
      reqrun.chat.completions.stream({ model: chat, messages }, headersOf(chat)).finalContent();
    await expect(complete()).rejects.toMatchObject({ cause: expect.any(StreamSupersededError) });
    expect(await complete()).toBe('good');

    const response = unique('response-helper');
    upstream.script(
      response,
      { stream: [...responseOpening('lost'), 'reset'] },
      { stream: responseStream('good') },
    );
    const respond = async (): Promise<string> => {
      const stream = reqrun.responses.stream({ model: response, input: 'hi' }, headersOf(response));
      return (await stream.finalResponse()).output_text;
    };
    await expect(respond()).rejects.toMatchObject({ cause: expect.any(StreamSupersededError) });
    expect(await respond()).toBe('good');
  });

  it('ends with the failure of its request, also of one that was cancelled while it was away', async () => {
    const failing = unique('fails');
    upstream.script(failing, { stream: [...opening('lost'), 'reset'] });
    const reading = async (key: string, onText: () => Promise<unknown>): Promise<void> => {
      const stream = await reqrun.chat.completions.create({
        model: key,
        messages,
        stream: true,
        idempotency_key: key,
        reqrun: { max_attempts: 1 },
      });
      for await (const { choices } of stream) if (choices[0]?.delta.content) await onText();
    };
    const failure = await reading(failing, async () => null).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(APIError);
    expect(failure).toMatchObject({ code: 'upstream_response_lost' });

    const cancelled = unique('cancelled');
    upstream.script(cancelled, { stream: [...opening('a'), 'stall'] });
    const away = reading(cancelled, async () => {
      await proxy.refuse(true);
      await act(url, cancelled, 'cancel');
      await readRecord(url, cancelled, '?wait=20');
      await proxy.refuse(false);
    });
    await expect(away).rejects.toBeInstanceOf(ConflictError);
  });
});

describe('with API and worker apart', () => {
  it('a stream goes on at another API process, when its own one stops in mid-stream', async () => {
    const redis = await startRedisServer();
    const shared = { upstreamURL: upstream.baseURL, together: false };
    const env = { REQRUN_STREAM_URL: redis.url };
    const first = await startDeployment({ ...shared, env });
    const apiAlone = { ...env, REQRUN_TASK_QUEUE: first.taskQueue };
    const stopping = await startDeployment({ ...shared, worker: false, env: apiAlone });
    await untilLive(upstream, stopping.url);
    await untilLive(upstream, first.url);
    let current = stopping.url;
    const client = new ReqRun({
      baseURL: `${stopping.url}/v1`,
      fetch: (input, init) => fetch(String(input).replace(stopping.url, current), init),
    });
    const key = unique('restart');
    const { steps, letOut } = gated(
      opening(),
      TEXTS.map((content) => chunk({ content })),
      ending(),
    );
    upstream.script(key, steps);
    const stream = await client.chat.completions.create({
      model: key,
      messages,
      stream: true,
      idempotency_key: key,
    });
    const texts: string[] = [];
    for await (const { choices } of stream) {
      const text = choices[0]?.delta.content;
      if (!text) continue;
      texts.push(text);
      if (texts.length === 2) {
        await stopping.stop();
        current = first.url;
      }
      letOut(texts.length - 1);
    }
    expect(texts).toEqual(TEXTS);
    expect(await readRecord(first.url, key)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(upstream.hits(key)).toHaveLength(1);
    await first.stop();
    await redis.close();
  });
});
