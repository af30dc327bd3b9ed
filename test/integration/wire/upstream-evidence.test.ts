import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Billed, Phase } from '../../../src/domain/vocabulary.ts';
import { createUpstream, type Upstream, type UpstreamAnswer } from '../../../src/upstream/client.ts';
import { describeFailure } from '../../../src/domain/upstream-failure.ts';
import { startScriptedUpstream, type ScriptedUpstream, type Step } from '../../support/scripted-upstream.ts';
import { UPSTREAM_ROWS } from '../../support/upstream-rows.ts';

/** In the prompt, in the key, and in everything the upstream says: none of it may be kept. */
const CANARY = 'canary 8d1e';

let scripted: ScriptedUpstream;
let upstream: Upstream;
beforeAll(async () => {
  scripted = await startScriptedUpstream();
  upstream = createUpstream({
    baseURL: scripted.baseURL,
    apiKey: `sk-${CANARY.replace(' ', '-')}`,
    maxResponseBytes: 1_000_000,
  });
});
afterAll(async () => {
  await upstream.close();
  await scripted.close();
});

function call(model: string, step: Step, signal = AbortSignal.timeout(1_000)): Promise<UpstreamAnswer> {
  scripted.script(model, step);
  const body = Buffer.from(JSON.stringify({ model, messages: [{ role: 'user', content: CANARY }] }));
  return upstream.complete({ body, operation: 'chat.completions', clientRequestId: 'rr/1', signal });
}

/** How far each row's call got and whether it may have cost money; by default a refusal, which did not. */
const SEEN: Record<string, readonly [Phase, Billed]> = {
  '5': ['request', 'maybe'],
  '6': ['request', 'maybe'],
  '8c': ['request', 'maybe'],
  '20b': ['body', 'no'],
  ...Object.fromEntries(
    [
      ...['7', '7b', '8', '8b', '9', '10', '10b', '10c', '12', '12b', '13', '14', '14b', '15', '19b', '19c'],
      ...['20', '21', '47'],
    ].map((name) => [name, ['body', 'maybe'] as const]),
  ),
  ...Object.fromEntries(
    [
      '22b',
      '23b',
      '25b',
      '30',
      '33',
      '34',
      '40b',
      '41',
      '42',
      '44',
      '44b',
      '45',
      ...[502, 504, 520, 524, 527, 530].map((s) => `43 (${s})`),
    ].map((name) => [name, ['headers', 'maybe'] as const]),
  ),
};

describe('the evidence of a failed call', () => {
  it.each(UPSTREAM_ROWS.filter(({ code }) => code !== null))(
    'row $row: $title tells how far the call got and what it may have cost',
    async ({ row, step }) => {
      const answer = await call(`evidence ${row}`, step);
      const [phase, billed] = SEEN[row] ?? ['headers', 'no'];
      expect(answer).toMatchObject({ failure: { phase, billed } });
    },
  );

  const error = { message: CANARY, code: CANARY, type: CANARY, param: CANARY };
  it.each<[string, Step]>([
    ['a refusal', { answer: 400, body: { error }, headers: { 'x-request-id': CANARY } }],
    ['an error in a 200', { answer: 200, body: { error } }],
    ['an HTML page', { answer: 200, body: `<html>${CANARY}</html>` }],
    ['an error page', { answer: 502, body: CANARY }],
    [
      'an error in a stream',
      { answer: 200, body: `data: {"error":"${CANARY}"}`, headers: { 'content-type': 'text/event-stream' } },
    ],
    ['truncated JSON', { answer: 200, body: `{"a":"${CANARY}` }],
    ['a redirect', { answer: 302, headers: { location: `/${encodeURIComponent(CANARY)}` } }],
    ['bytes that are not HTTP', { raw: `${CANARY}\r\n\r\n` }],
  ])('keeps nothing of the prompt, the key or the words of %s', async (title, step) => {
    const answer = await call(`canary ${title}`, step);
    if (answer.kind === 'completed') throw new Error('it was to fail');
    expect(JSON.stringify(answer.failure) + describeFailure(answer.failure)).not.toMatch(/canary/i);
  });

  it('keeps plain identifiers, which support can look up', async () => {
    const step: Step = {
      answer: 429,
      headers: { 'x-request-id': 'req_1', 'retry-after': '2' },
      body: { error: { code: 'rate_limit_exceeded', type: 'tokens', param: 'messages[0].content' } },
    };
    const answer = await call('plain', step);
    expect(answer).toMatchObject({
      failure: {
        upstreamStatus: 429,
        upstreamRequestId: 'req_1',
        upstreamCode: 'rate_limit_exceeded',
        upstreamType: 'tokens',
        upstreamParam: 'messages[0].content',
        retryAfterMs: 2_000,
      },
    });
    expect(answer.kind === 'failed' && describeFailure(answer.failure)).toBe(
      '429 from upstream (rate_limit_exceeded), asked to wait 2 s',
    );
  });

  it.each<[string, Step, string]>([
    ['an overloaded upstream', { answer: 503, body: {} }, 'overload'],
    ['slow_down', { answer: 429, body: { error: { code: 'slow_down' } } }, 'overload'],
    ['a server error', { answer: 500, body: {} }, 'usual'],
  ])('lets %s rest for its own first backoff', async (title, step, backoff) => {
    expect(await call(`backoff ${title}`, step)).toMatchObject({ failure: { backoff } });
  });
});
