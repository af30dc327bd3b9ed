/** The rules of assembling: what is merged how, what is held back, and what is an error. */
import { describe, expect, it } from 'vitest';
import type { Added } from '../../../src/domain/streams/added.ts';
import { createAssembly, type Assembly } from '../../../src/domain/streams/assembly.ts';
import { finalEvents } from '../../../src/domain/streams/final-events.ts';
import { createReplay } from '../../../src/domain/streams/replay.ts';
import type { StreamedOperation, StreamEvent } from '../../../src/domain/streams/stream-event.ts';
import { addAll, rest } from '../../support/stream-events.ts';

const HEAD = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm' };
const sent = (data: object | string, event: string | null = null): StreamEvent => ({
  event,
  data: typeof data === 'string' ? data : JSON.stringify(data),
});
const chunk = (delta: object, more: object = {}, top: object = {}): StreamEvent =>
  sent({ ...HEAD, ...top, choices: [{ index: 0, delta, finish_reason: null, ...more }] });
const end = (finish_reason = 'stop'): StreamEvent => chunk({}, { finish_reason });

function assembled(
  events: readonly StreamEvent[],
  operation: StreamedOperation = 'chat.completions',
): Assembly {
  const assembly = createAssembly(operation, 1);
  addAll(assembly, events);
  return assembly;
}
const answerOf = (assembly: Assembly): Record<string, unknown> =>
  JSON.parse(Buffer.from(assembly.bytes()).toString());
const message = (...deltas: object[]): unknown => {
  const { choices } = answerOf(assembled([...deltas.map((delta) => chunk(delta)), end()]));
  return Object(choices)[0].message;
};
const call = (id: string | undefined, name: string | undefined, args: string, index?: number): object => ({
  tool_calls: [{ index, id, type: id && 'function', function: { name, arguments: args } }],
});
const whole = (id: string, name: string, args: string): object => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const kindOf = (added: Added): string => added.kind;

describe('deltas of a message', () => {
  it.each([
    [
      'have null as content where no text came',
      [{ role: 'assistant', content: '' }],
      { role: 'assistant', content: null },
    ],
    [
      'may repeat what is no text in every chunk',
      [
        { role: 'assistant', content: 'a' },
        { role: 'assistant', content: 'a' },
      ],
      { role: 'assistant', content: 'aa' },
    ],
    [
      'begin another call with another id, though the index is the same',
      [
        call('a', 'f', '{', 0),
        call(undefined, undefined, '}', 0),
        call('b', 'g', '[', 0),
        call('b', 'g', ']', 0),
      ],
      { role: 'assistant', content: null, tool_calls: [whole('a', 'f', '{}'), whole('b', 'g', '[]')] },
    ],
    [
      'may have calls without index',
      [call('a', 'f', '{}'), call('b', 'g', '['), call(undefined, undefined, ']')],
      { role: 'assistant', content: null, tool_calls: [whole('a', 'f', '{}'), whole('b', 'g', '[]')] },
    ],
    [
      'may have calls whose indexes do not begin at 0',
      [
        call('a', 'f', '{', 3),
        call('b', 'g', '[', 1),
        call(undefined, undefined, '}', 3),
        call(undefined, undefined, ']', 1),
      ],
      { role: 'assistant', content: null, tool_calls: [whole('a', 'f', '{}'), whole('b', 'g', '[]')] },
    ],
    [
      'may send a name in parts, or again in every chunk',
      [
        call('a', 'get_', '', 0),
        call(undefined, 'weather', '', 0),
        call('b', 'f', '{', 1),
        call('b', 'f', '}', 1),
      ],
      {
        role: 'assistant',
        content: null,
        tool_calls: [whole('a', 'get_weather', ''), whole('b', 'f', '{}')],
      },
    ],
    [
      "merge OpenRouter's reasoning details by index",
      [
        { reasoning_details: [{ type: 'reasoning.text', text: 'a', format: 'x-v1', index: 0 }] },
        { reasoning_details: [{ type: 'reasoning.text', text: 'a', format: 'x-v1', index: 0 }] },
        { reasoning_details: [{ type: 'reasoning.encrypted', data: 'e', id: 'r', index: 1 }] },
      ],
      {
        role: 'assistant',
        content: null,
        reasoning_details: [
          { index: 0, type: 'reasoning.text', text: 'aa', format: 'x-v1' },
          { index: 1, type: 'reasoning.encrypted', data: 'e', id: 'r' },
        ],
      },
    ],
    [
      "may be Mistral's: empty text, then a list, then text",
      [{ content: '' }, { content: [{ type: 'thinking', thinking: [] }] }, { content: 'a' }],
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: [] },
          { type: 'text', text: 'a' },
        ],
      },
    ],
    [
      'may go from text to a list',
      [{ content: 'a' }, { content: 'b' }, { content: [{ type: 'image', url: 'u' }] }],
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'ab' },
          { type: 'image', url: 'u' },
        ],
      },
    ],
    [
      'cannot change a prototype',
      [JSON.parse('{"content":"a","__proto__":{"polluted":true},"x":{"__proto__":{"polluted":true}}}')],
      { role: 'assistant', content: 'a', x: {} },
    ],
  ])('%s', (_what, deltas, expected) => {
    expect(message(...deltas)).toEqual(expected);
    const assembly = assembled([...deltas.map((delta) => chunk(delta)), end()]);
    const { answer, cuts } = assembly;
    for (const source of [cuts, null]) {
      const replayed = rest(createReplay('chat.completions', { answer, cuts: source, attempt: 1 }));
      const final = finalEvents('chat.completions', { answer }, { attempt: 1, at: 0, usage: true });
      expect(answerOf(assembled([...replayed, ...final]))).toEqual(answerOf(assembly));
    }
  });
});

describe('the chunks of a chat stream', () => {
  it('are forwarded with their own text, and the end is held back', () => {
    const assembly = createAssembly('chat.completions', 1);
    const first = chunk({ content: 'a' }, { logprobs: null }, { usage: null, obfuscation: 'xyz' });
    expect(assembly.add(first)).toEqual({ kind: 'forward', events: [first] });
    expect([assembly.forwarded, assembly.hasContent, assembly.isFinished]).toEqual([1, true, false]);
    expect(assembly.add(end()).kind).toBe('hold');
    expect(assembly.isFinished).toBe(true);
    const usage = sent({ ...HEAD, choices: [], usage: { total_tokens: 3 } });
    expect([usage, sent('[DONE]')].map((event) => assembly.add(event).kind)).toEqual(['hold', 'hold']);
    expect(answerOf(assembly)).toEqual({
      ...HEAD,
      object: 'chat.completion',
      choices: [
        { index: 0, message: { role: 'assistant', content: 'a' }, logprobs: null, finish_reason: 'stop' },
      ],
      usage: { total_tokens: 3 },
    });
  });

  it('lose the finish_reason, and only that, where the last one has content as well', () => {
    const assembly = createAssembly('chat.completions', 1);
    const added = assembly.add(chunk({ role: 'assistant', content: 'all' }, { finish_reason: 'stop' }));
    const events = added.kind === 'forward' ? added.events : [];
    expect(events.map(({ data }) => JSON.parse(data))).toEqual([
      { ...HEAD, choices: [{ index: 0, delta: { role: 'assistant', content: 'all' }, finish_reason: null }] },
    ]);
    expect(assembly.isFinished).toBe(true);
  });

  it('end each choice on its own, in the order of their index', () => {
    const at = (index: number, more: object): StreamEvent =>
      sent({ ...HEAD, choices: [{ index, delta: {}, finish_reason: null, ...more }] });
    const assembly = assembled([
      at(1, { delta: { content: 'b' } }),
      at(0, { delta: { content: 'a' } }),
      at(1, { finish_reason: 'length' }),
    ]);
    expect(assembly.isFinished).toBe(false);
    assembly.add(at(0, { finish_reason: 'stop', native_finish_reason: 'END' }));
    expect(assembly.isFinished).toBe(true);
    expect(answerOf(assembly)['choices']).toMatchObject([
      { index: 0, message: { content: 'a' }, finish_reason: 'stop', native_finish_reason: 'END' },
      { index: 1, message: { content: 'b' }, finish_reason: 'length' },
    ]);
    const { answer } = assembly;
    const final = finalEvents('chat.completions', { answer }, { attempt: 1, at: 2, usage: false });
    expect(
      final.map(({ data }) => (data === '[DONE]' ? data : JSON.parse(data).choices[0].finish_reason)),
    ).toEqual(['stop', 'length', '[DONE]']);
  });

  it('have no content while only the role came', () => {
    expect(assembled([chunk({ role: 'assistant', content: '' })]).hasContent).toBe(false);
    expect(assembled([chunk({ reasoning: 'r' })]).hasContent).toBe(true);
    expect(assembled([chunk(call('a', 'f', '', 0))]).hasContent).toBe(true);
  });

  it.each([
    ['an error member', sent({ error: { message: 'no' } }), 'error'],
    ['an event named error', sent({ message: 'no' }, 'error'), 'error'],
    ["a finish_reason that is the provider's failure", end('network_error'), 'error'],
    ['a choice with an error', chunk({}, { error: { code: 502 } }), 'error'],
    ['no JSON', sent('{"choices":'), 'malformed'],
    ['no object', sent('[]'), 'malformed'],
    ['an error that is not set', chunk({ content: 'a' }, {}, { error: null }), 'forward'],
    [
      'a number that JSON lacks',
      sent('{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[NaN]}}]}'),
      'forward',
    ],
  ])('with %s', (_what, event, kind) => {
    expect(kindOf(createAssembly('chat.completions', 1).add(event))).toBe(kind);
  });

  it('keep integers that a double rounds, in the answer and in the replay', () => {
    const text =
      '{"nonce":12345678901234567890,"choices":[{"index":0,"delta":{"content":"a","big":9007199254740993}}]}';
    const assembly = assembled([sent(text), end()]);
    const json = Buffer.from(assembly.bytes()).toString();
    expect(json).toContain('"nonce":12345678901234567890');
    expect(json).toContain('"big":9007199254740993');
    const [replayed] = rest(createReplay('chat.completions', { ...assembly, attempt: 1 }));
    expect(replayed?.data).toContain('"big":9007199254740993');
  });
});

describe('the chunks of a completions stream', () => {
  it('are assembled with their logprobs', () => {
    const part = (text: string, at: number, finish: string | null = null): StreamEvent =>
      sent({
        ...HEAD,
        object: 'text_completion',
        choices: [
          {
            index: 0,
            text,
            logprobs: {
              tokens: [text],
              token_logprobs: [-1],
              top_logprobs: [{ [text]: -1 }],
              text_offset: [at],
            },
            finish_reason: finish,
          },
        ],
      });
    const assembly = assembled([part('a', 0), part('b', 1, 'stop'), sent('[DONE]')], 'completions');
    expect(answerOf(assembly)).toEqual({
      ...HEAD,
      object: 'text_completion',
      choices: [
        {
          index: 0,
          text: 'ab',
          logprobs: {
            tokens: ['a', 'b'],
            token_logprobs: [-1, -1],
            top_logprobs: [{ a: -1 }, { b: -1 }],
            text_offset: [0, 1],
          },
          finish_reason: 'stop',
        },
      ],
    });
    const { answer, cuts } = assembly;
    for (const source of [cuts, null]) {
      const replayed = rest(createReplay('completions', { answer, cuts: source, attempt: 1 }));
      const final = finalEvents('completions', { answer }, { attempt: 1, at: replayed.length, usage: true });
      expect(answerOf(assembled([...replayed, ...final], 'completions'))).toEqual(answerOf(assembly));
    }
  });
});
