import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCallCounter, type DemoUpstream, startDemoUpstream } from '../../../src/demo/demo-upstream.ts';
import { DEMO_MODELS, demoAction } from '../../../src/demo/models.ts';
import { OPERATION_NAMES } from '../../../src/domain/operations.ts';
import { createUpstream, type Upstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';

let demo: DemoUpstream;
let upstream: Upstream;
beforeAll(async () => {
  demo = await startDemoUpstream();
  upstream = createUpstream({ baseURL: demo.baseURL, apiKey: null, maxResponseBytes: 100_000 });
});
afterAll(async () => {
  await upstream.close();
  await demo.close();
});

function call(model: string, requestId: string, attempt: number): Promise<UpstreamAnswer> {
  const body = Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }));
  return upstream.complete({
    operation: 'chat.completions',
    body,
    clientRequestId: `${requestId}/${attempt}`,
    signal: AbortSignal.timeout(10_000),
  });
}

/** The codes of successive attempts, up to and with the first success. */
async function attempts(model: string, requestId: string, most = 4): Promise<string[]> {
  const seen: string[] = [];
  for (let attempt = 1; attempt <= most; attempt += 1) {
    const answer = await call(model, requestId, attempt);
    seen.push(answer.kind === 'completed' ? 'ok' : answer.failure.code);
    if (answer.kind === 'completed') break;
  }
  return seen;
}

describe('the demo upstream', () => {
  it.each([
    ['demo', ['ok']],
    ['gpt-anything', ['ok']],
    ['demo-429', ['upstream_rate_limited', 'upstream_rate_limited', 'ok']],
    ['demo-503', ['upstream_overloaded', 'upstream_overloaded', 'ok']],
    ['demo-reset', ['upstream_connection_lost', 'ok']],
    ['demo-401', ['upstream_auth_failed', 'upstream_auth_failed']],
    ['demo-quota', ['upstream_quota_exhausted', 'upstream_quota_exhausted']],
    ['demo-slow-0s', ['ok']],
    ['demo-stream-break', ['ok']],
    ['demo-stream-slow', ['ok']],
  ])('%s shows %j to one request', async (model, codes) => {
    expect(await attempts(model, `rr_${model}`, codes.length)).toEqual(codes);
  });

  it.each(OPERATION_NAMES)(
    'answers %s with a whole answer, so that nothing is retried',
    async (operation) => {
      const body = Buffer.from(JSON.stringify({ model: 'demo', input: 'hi', prompt: 'hi' }));
      const call = { operation, body, clientRequestId: 'whole/1', signal: AbortSignal.timeout(10_000) };
      expect((await upstream.complete(call)).kind).toBe('completed');
    },
  );

  it('streams word by word what the official SDK assembles, with the usage where it is asked for', async () => {
    const client = new OpenAI({ baseURL: demo.baseURL, apiKey: 'none' });
    const call = { model: 'demo', messages: [{ role: 'user' as const, content: 'hi' }] };
    const texts: string[] = [];
    const chat = client.chat.completions.stream({ ...call, stream_options: { include_usage: true } });
    chat.on('content', (delta) => void texts.push(delta));
    const { choices, usage } = await chat.finalChatCompletion();
    expect(texts).toEqual(['Hello ', 'from ', 'the ', 'demo ', 'upstream.']);
    expect([choices[0]?.message.content, choices[0]?.finish_reason]).toEqual([texts.join(''), 'stop']);
    expect(usage?.total_tokens).toBe(15);

    const numbers: number[] = [];
    const response = client.responses.stream({ model: 'demo', input: 'hi' });
    for await (const { sequence_number } of response) numbers.push(sequence_number);
    expect(numbers).toEqual(numbers.map((_, at) => at));
    expect((await response.finalResponse()).output_text).toBe(texts.join(''));

    const words: string[] = [];
    const completion = await client.completions.create({ model: 'demo', prompt: 'hi', stream: true });
    for await (const { choices: pieces } of completion) words.push(pieces[0]?.text ?? '');
    expect(words).toEqual([...texts, '']);
  });

  it('breaks a stream off after three words, once for each request', async () => {
    const read = async (id: string): Promise<string> => {
      const answer = await fetch(`${demo.baseURL}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-client-request-id': id },
        body: JSON.stringify({ model: 'demo-stream-break', messages: [], stream: true }),
      });
      let text = '';
      const chunks = answer.body?.pipeThrough(new TextDecoderStream()) ?? [];
      try {
        for await (const chunk of chunks) text += chunk;
        return text;
      } catch {
        return `${text} broken`;
      }
    };
    const first = await read('breaks/1');
    expect(first).toMatch(/"the ".* broken$/s);
    expect(first).not.toContain('"demo "');
    expect(await read('breaks/2')).toMatch(/"upstream\.".*\[DONE\]\n\n$/s);
  });

  it('repeats its faults for every request, so that a second demo run shows the same', async () => {
    expect(await attempts('demo-reset', 'first')).toEqual(await attempts('demo-reset', 'second'));
  });

  it('asks for two seconds with its 429', async () => {
    expect(await call('demo-429', 'delay', 1)).toMatchObject({
      failure: { retryAfterMs: 2_000, retry: 'always' },
    });
  });

  it('is as slow as the name says, within an hour', () => {
    expect(demoAction('demo-slow', 1)).toEqual({ kind: 'complete', afterMs: 20_000 });
    expect(demoAction('demo-slow-7s', 1)).toEqual({ kind: 'complete', afterMs: 7_000 });
    expect(demoAction('demo-slow-9999s', 1)).toEqual({ kind: 'complete', afterMs: 3_600_000 });
  });

  it('lists its models, each with what it does', async () => {
    const answer = await fetch(`${demo.baseURL}/models`);
    expect(await answer.json()).toEqual({
      object: 'list',
      data: DEMO_MODELS.map(({ model, what }) => ({
        id: model,
        object: 'model',
        created: 0,
        owned_by: 'demo',
        description: what,
      })),
    });
  });

  it('refuses a body that is no request instead of hanging or crashing', async () => {
    const answer = await fetch(`${demo.baseURL}/chat/completions`, { method: 'POST', body: '{"model":' });
    expect(answer.status).toBe(400);
  });

  it('forgets the request that was not called for longest, so that its memory stays bounded', () => {
    const counter = createCallCounter(2);
    expect(['a', 'b', 'a', 'c', 'a', 'b'].map((key) => counter.count(key))).toEqual([1, 1, 2, 1, 3, 1]);
  });
});
