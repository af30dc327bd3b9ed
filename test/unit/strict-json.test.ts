/** The one strict reader of JSON: bodies of callers, and the keys file. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JsonFault, readStrictJson } from '../../src/domain/strict-json.ts';
import { jsonText } from '../support/arbitrary/json-text.ts';

const faultOf = (text: string): JsonFault | null => {
  const read = readStrictJson(text);
  return 'fault' in read ? read.fault : null;
};
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const MARKS = String.raw`",:{}[]\/1-`;

describe('strict JSON', () => {
  it.each([
    ['', 'invalid_json'],
    ['{"a":1,}', 'invalid_json'],
    ['{"a":1', 'invalid_json'],
    ['{"a', 'invalid_json'],
    [String.raw`{"a":"\x"}`, 'invalid_json'],
    [String.raw`{"\x":1}`, 'invalid_json'],
    ['[-]', 'invalid_json'],
    ['[-Infinity]', 'invalid_json'],
    ['[01]', 'invalid_json'],
    ['// {}\n{}', 'invalid_json'],
    ['\uFEFF{}', 'invalid_json'],
    ['{}{}', 'invalid_json'],
    ['{"__proto__":1}', 'invalid_json'],
    [String.raw`[{"_\u005fproto__":1}]`, 'invalid_json'],
    ['{"constructor":{"prototype":1}}', 'invalid_json'],
    ['{"a":1,"b":{"a":1},"a":2}', 'duplicate_field'],
    [String.raw`{"a":1,"\u0061":2}`, 'duplicate_field'],
    ['"\ud800"', 'invalid_unicode'],
    [String.raw`["\uDBFF"]`, 'invalid_unicode'],
    [String.raw`{"\udc00":1}`, 'invalid_unicode'],
    [String.raw`["\ude00\ud83d"]`, 'invalid_unicode'],
    [nested(65), 'json_too_deep'],
  ] as const)('refuses %j: %s', (text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });

  it.each([
    'null',
    ' [] ',
    '{"a":{"a":{"a":[{"a":1},{"a":1}]}}}',
    String.raw`["\\ud800","\\\\","\"","\ud83d\ude00","\/"]`,
    String.raw`{"a\"":1,"a\\":2,"a":3,"":4}`,
    '{"prototype":{"constructor":[{"prototype":1}]}}',
    nested(64),
  ])('reads %j', (text) => {
    expect(readStrictJson(text)).toMatchObject({ value: JSON.parse(text), text });
  });

  it('knows where each outermost member stands, whatever is in it', () => {
    const inner = fc.oneof(
      fc.string({ unit: fc.constantFrom(...MARKS) }),
      fc.json({ maxDepth: 3 }).map(JSON.parse),
    );
    const space = fc.constantFrom('', ' ', '\n\t', '\r\n');
    const names = fc.uniqueArray(fc.string({ unit: fc.constantFrom(...MARKS, 'é', '😀') }), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.array(inner, { minLength: 5 }), space, space, (keys, values, before, after) => {
        const parts = keys.map(
          (key, at) =>
            `${JSON.stringify(key)}${before}:${after}${JSON.stringify(values[at % values.length])}`,
        );
        const text = `${after}{${before}${parts.join(`${before},${after}`)}${after}}${before}`;
        const read = readStrictJson(text);
        // A generated value may hold a `__proto__`.
        if ('fault' in read) return fc.pre(false);
        expect(read.members.map(({ start, end }) => text.slice(start, end))).toEqual(parts);
        expect(read.members.map(({ name }) => name)).toEqual(keys);
      }),
    );
  });

  it('accepts nothing that JSON.parse refuses, and what it accepts is the same value', () => {
    fc.assert(
      fc.property(
        fc.oneof(jsonText, fc.string({ unit: fc.constantFrom(...MARKS, ' ', 'true', 'e') })),
        (text) => {
          const read = readStrictJson(text);
          if (!('fault' in read)) expect(read.value).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('has limits on members and elements, those of one array and of all', () => {
    const members = (count: number): string =>
      `{${Array.from({ length: count }, (_, index) => `"${index}":1`).join()}}`;
    const array = (count: number): string => `[${'1,'.repeat(count - 1)}1]`;
    const arrays = (count: number, elements: number): string =>
      `[${Array.from({ length: count }, () => array(elements)).join()}]`;
    expect([100_000, 100_001].map((count) => faultOf(members(count)))).toEqual([null, 'too_many_fields']);
    expect([10_000, 10_001].map((count) => faultOf(array(count)))).toEqual([null, 'too_many_items']);
    // Each array, the outer one too, counts as an element.
    expect([9_999, 10_000].map((count) => faultOf(arrays(50, count)))).toEqual([null, 'too_many_items']);
    expect(faultOf(arrays(10_000, 49))).toBe(null);
    expect(faultOf(arrays(10_000, 50))).toBe('too_many_items');
    for (const one of ['{}', '[],', '[[[[', '{"a":[]}']) {
      expect(faultOf(`[${one.repeat(1_000_000)}`)).not.toBe('invalid_json');
    }
  });

  it('quotes nothing of what it refuses', () => {
    expect(readStrictJson('{"secret": secret')).toEqual({ fault: 'invalid_json' });
  });
});
