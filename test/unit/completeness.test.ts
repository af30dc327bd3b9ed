/** The operations table and its completeness rules: which 200 of an upstream is an answer. */
import { describe, expect, it } from 'vitest';
import {
  choicesCompleteness,
  type Completeness,
  type CompletenessRule,
  embeddingsCompleteness,
  imagesCompleteness,
  isSet,
  moderationsCompleteness,
  textChoicesCompleteness,
} from '../../src/domain/completeness.ts';
import { FIRST_OPERATION, OPERATION_NAMES, OPERATIONS } from '../../src/domain/operations.ts';
import { OPERATION_SCHEMAS } from '../../src/http/routes/schemas.ts';

describe('the operations table', () => {
  it('pins what callers and stored runs hold of each operation', () => {
    const rows = OPERATION_NAMES.map((name) => {
      const { path, upstreamPath, asyncObject, streams, deliveryMembers } = OPERATIONS[name];
      return [name, path, upstreamPath, asyncObject, streams, deliveryMembers.join(' ')];
    });
    expect(rows).toEqual([
      [
        'chat.completions',
        '/v1/chat/completions',
        '/chat/completions',
        'chat.completion.async',
        true,
        'stream stream_options',
      ],
      ['responses', '/v1/responses', '/responses', 'response', true, 'stream stream_options background'],
      ['embeddings', '/v1/embeddings', '/embeddings', 'embedding.async', false, ''],
      [
        'completions',
        '/v1/completions',
        '/completions',
        'text_completion.async',
        true,
        'stream stream_options',
      ],
      ['moderations', '/v1/moderations', '/moderations', 'moderation.async', false, ''],
      [
        'images.generations',
        '/v1/images/generations',
        '/images/generations',
        'image.async',
        true,
        'stream stream_options',
      ],
    ]);
  });

  it('gives each operation a path and an object of its own, because both tell operations apart', () => {
    const rows = OPERATION_NAMES.map((name) => OPERATIONS[name]);
    for (const field of ['path', 'upstreamPath', 'asyncObject'] as const) {
      expect(new Set(rows.map((row) => row[field])).size).toBe(rows.length);
    }
  });

  it('takes a run that names no operation for a chat completion, because 0.1.0 knew no other', () => {
    expect(FIRST_OPERATION).toBe('chat.completions');
  });

  it('judges each operation by its own rule', () => {
    const embeddings = { data: [{ embedding: [1] }] };
    expect(OPERATIONS.embeddings.completeness(embeddings)).toBe('complete');
    expect(OPERATIONS['chat.completions'].completeness(embeddings)).toBe('no_result');
  });

  it('has a schema for each operation, whose 202 has the object of the table', () => {
    expect(Object.keys(OPERATION_SCHEMAS)).toEqual(OPERATION_NAMES);
    for (const name of OPERATION_NAMES) {
      expect(OPERATION_SCHEMAS[name].accepted.shape.object.value).toBe(OPERATIONS[name].asyncObject);
    }
  });
});

const ended = { finish_reason: 'stop', message: { content: 'hi' } };
const only = (message: unknown): object => ({ choices: [{ finish_reason: null, message }] });

describe('a chat completion', () => {
  it.each<[string, object, Completeness]>([
    ['without choices', {}, 'no_result'],
    ['whose choices are null', { choices: null }, 'no_result'],
    ['whose choices are an object', { choices: { 0: ended } }, 'no_result'],
    ['with an empty list of choices', { choices: [] }, 'no_result'],
    ['with a choice that is null', { choices: [null] }, 'no_result'],
    ['with a choice that is text', { choices: ['hi'] }, 'no_result'],
    ['with a choice that is a list', { choices: [[ended]] }, 'no_result'],
    ['with an end and content', { choices: [ended] }, 'complete'],
    ['with an end and no message', { choices: [{ finish_reason: 'stop' }] }, 'complete'],
    ['with an end that nobody knows', { choices: [{ finish_reason: 'cosmic_ray' }] }, 'complete'],
    ['with two complete choices', { choices: [ended, ended] }, 'complete'],
    ['whose second choice is not finished', { choices: [ended, {}] }, 'unfinished'],
    ['whose second choice is none', { choices: [ended, 1] }, 'no_result'],
    ['with neither end nor message', { choices: [{}] }, 'unfinished'],
    ['with content and no end', only({ content: 'hi' }), 'complete'],
    ['with content in parts', only({ content: [{ type: 'text' }] }), 'complete'],
    ['with empty content', only({ content: '' }), 'unfinished'],
    ['with an empty list of parts', only({ content: [] }), 'unfinished'],
    ['with content that is null', only({ content: null }), 'unfinished'],
    ['with content that is a number', only({ content: 7 }), 'unfinished'],
    ['with tool calls', only({ content: null, tool_calls: [{}] }), 'complete'],
    ['with an empty list of tool calls', only({ tool_calls: [] }), 'unfinished'],
    ['with a function call', only({ function_call: { name: 'f' } }), 'complete'],
    ['with a function call that is null', only({ function_call: null }), 'unfinished'],
    ['with a refusal', only({ refusal: 'no' }), 'complete'],
    ['with an empty refusal', only({ refusal: '' }), 'unfinished'],
    ['with audio', only({ audio: { id: 'a' } }), 'complete'],
    ['with a message that is text', only('hi'), 'unfinished'],
    ['with an error in a choice', { choices: [{ ...ended, error: { code: 1 } }] }, 'error'],
    ['whose second choice has an error', { choices: [ended, { error: 'no' }] }, 'error'],
    ['that ended with an error', { choices: [{ ...ended, finish_reason: 'error' }] }, 'error'],
    ['with an error that is null', { choices: [{ ...ended, error: null }] }, 'complete'],
  ])('%s is judged by its choices', (_what, answer, expected) => {
    expect(choicesCompleteness({ ...answer })).toBe(expected);
  });
});

describe('embeddings', () => {
  it.each<[string, object, Completeness]>([
    ['without data', {}, 'no_result'],
    ['whose data are null', { data: null }, 'no_result'],
    ['with an empty list', { data: [] }, 'no_result'],
    ['with a vector of numbers', { data: [{ embedding: [0.1] }] }, 'complete'],
    ['with a vector in base64', { data: [{ embedding: 'AAAA' }] }, 'complete'],
    ['with several vectors', { data: [{ embedding: [1] }, { embedding: 'AA' }] }, 'complete'],
    ['of which one is missing', { data: [{ embedding: [1] }, {}] }, 'unfinished'],
    ['with an empty vector', { data: [{ embedding: [] }] }, 'unfinished'],
    ['with empty base64', { data: [{ embedding: '' }] }, 'unfinished'],
    ['with an entry that is null', { data: [null] }, 'unfinished'],
  ])('%s are judged by their vectors', (_what, answer, expected) => {
    expect(embeddingsCompleteness({ ...answer })).toBe(expected);
  });
});

describe('the other operations', () => {
  const text = { index: 0, text: 'hi', finish_reason: 'stop' };
  it.each<[string, CompletenessRule, object, Completeness]>([
    ['a completion without choices', textChoicesCompleteness, { choices: [] }, 'no_result'],
    ['a completion with text', textChoicesCompleteness, { choices: [text] }, 'complete'],
    [
      'a completion with text and no end',
      textChoicesCompleteness,
      { choices: [{ text: 'h', finish_reason: null }] },
      'complete',
    ],
    [
      'a completion with an end and no text',
      textChoicesCompleteness,
      { choices: [{ ...text, text: '' }] },
      'complete',
    ],
    [
      'a completion with neither',
      textChoicesCompleteness,
      { choices: [text, { text: '', finish_reason: null }] },
      'unfinished',
    ],
    [
      'a completion that its provider broke off',
      textChoicesCompleteness,
      { choices: [{ ...text, finish_reason: 'abort' }] },
      'error',
    ],
    ['a moderation without results', moderationsCompleteness, {}, 'no_result'],
    ['a moderation with a verdict', moderationsCompleteness, { results: [{ flagged: false }] }, 'complete'],
    [
      'a moderation that lacks a verdict',
      moderationsCompleteness,
      { results: [{ flagged: true }, {}] },
      'unfinished',
    ],
    ['images without data', imagesCompleteness, { data: [] }, 'no_result'],
    ['an image in base64', imagesCompleteness, { data: [{ b64_json: 'AA' }] }, 'complete'],
    ['an image by its address', imagesCompleteness, { data: [{ url: 'https://x' }] }, 'complete'],
    [
      'images of which one is missing',
      imagesCompleteness,
      { data: [{ url: 'u' }, { url: '' }] },
      'unfinished',
    ],
  ])('%s is judged by its own rule', (_what, rule, answer, expected) => {
    expect(rule({ ...answer })).toBe(expected);
  });
});

it.each([
  [undefined, false],
  [null, false],
  [false, false],
  ['', false],
  [true, true],
  [0, true],
  ['no', true],
  [{}, true],
])('an error of %j counts as one: %s', (error, expected) => {
  expect(isSet(error)).toBe(expected);
});
