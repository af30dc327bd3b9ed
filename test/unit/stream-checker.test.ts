/** The checker of streams must find what it is for. */
import { expect, it } from 'vitest';
import { faultsOfStreams, type SeenConnection } from '../support/stream-checker.ts';

const chat = (...texts: readonly string[]): SeenConnection => ({
  key: 'k',
  kind: 'chat',
  events: texts.map((text) => (text === '[DONE]' ? text : { choices: [{ delta: { content: text } }] })),
});
const delta = (sequence_number: number, text: string): object => ({
  type: 'response.output_text.delta',
  sequence_number,
  delta: text,
});
const responses = (...events: readonly object[]): SeenConnection => ({ key: 'k', kind: 'response', events });

it.each<[string, readonly SeenConnection[], string | null, number]>([
  ['nothing in a whole stream', [chat('1.0 ', '1.1 ', '[DONE]')], '1.0 1.1 ', 0],
  ['nothing in a broken one and the next', [chat('1.0 '), chat('2.0 ', '[DONE]')], '2.0 ', 0],
  ['a delta that came twice', [chat('1.0 ', '1.0 ')], null, 1],
  ['a delta that is missing', [chat('1.0 ', '1.2 ')], null, 1],
  ['two attempts in one stream', [chat('1.0 ', '2.1 ')], null, 1],
  ['a finished stream without a result', [chat('1.0 ', '[DONE]')], null, 1],
  ['a finished stream of an abandoned attempt', [chat('1.0 ', '[DONE]')], '2.0 ', 1],
  ['a number with two meanings', [responses(delta(4, '1.0 ')), responses(delta(4, '2.0 '))], null, 1],
  ['nothing in the same event twice', [responses(delta(4, '1.0 ')), responses(delta(4, '1.0 '))], null, 0],
])('finds %s', (_what, connections, result, count) => {
  expect(faultsOfStreams(connections, () => result)).toHaveLength(count);
});
