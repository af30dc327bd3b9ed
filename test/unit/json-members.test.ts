/** Edits of a JSON object's outermost members in its bytes: everything else keeps its bytes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editMembers, type MemberEdit } from '../../src/domain/json-members.ts';

const ID: Readonly<Record<string, MemberEdit>> = { id: { json: '"mine"', adds: true } };
const edited = (text: string, edits: Readonly<Record<string, MemberEdit>> = ID): string =>
  Buffer.from(editMembers(Buffer.from(text), edits)).toString();

describe('an edit of outermost members', () => {
  it.each([
    ['replaces a value in its place', '{"a":1,"id":"theirs","b":2}', '{"a":1,"id":"mine","b":2}'],
    [
      'keeps spaces, numbers and escapes',
      '{ "n" : 1e-7 ,\n"id" : "x" , "t":"\\u0041"}\n',
      '{ "n" : 1e-7 ,\n"id" : "mine" , "t":"\\u0041"}\n',
    ],
    [
      'leaves nested members of the name alone',
      '{"o":{"id":1},"l":[{"id":2}],"id":3}',
      '{"o":{"id":1},"l":[{"id":2}],"id":"mine"}',
    ],
    ['replaces a value that is an object', '{"id":{"a":[1,"}"]},"b":2}', '{"id":"mine","b":2}'],
    [
      'is not misled by brackets and quotes in strings',
      '{"a":"\\\\\\"}],{","id":1}',
      '{"a":"\\\\\\"}],{","id":"mine"}',
    ],
    ['knows a name by its value', '{"\\u0069d":1}', '{"\\u0069d":"mine"}'],
    [
      'replaces every occurrence, because parsers differ in which one counts',
      '{"id":1,"id":2}',
      '{"id":"mine","id":"mine"}',
    ],
    ['adds what is missing', '{ "a":1}', '{"id":"mine", "a":1}'],
    ['adds to an empty object', '{}', '{"id":"mine"}'],
    ['reads numbers that JSON lacks', '{"a":NaN,"id":-Infinity}', '{"a":NaN,"id":"mine"}'],
    ['returns what is no object', '[{"id":1}]', '[{"id":1}]'],
    ['returns what ends too early', '{"id":1', '{"id":1'],
    ['returns text', 'id', 'id'],
  ])('%s', (_what, before, after) => {
    expect(edited(before)).toBe(after);
  });

  it('adds nothing that is only to be replaced', () => {
    expect(edited('{"a":1}', { id: { json: '2', adds: false } })).toBe('{"a":1}');
  });

  it('keeps bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('","id":1}')]);
    const after = Buffer.from(editMembers(bytes, ID));
    expect(after.includes(Buffer.from([0xff, 0xfe]))).toBe(true);
    expect(after.toString('latin1')).toContain('"id":"mine"');
  });

  it('changes nothing but the named members of any object', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true }),
        fc.constantFrom(0, 1, 3),
        (object, spaces) => {
          const text = JSON.stringify(object, null, spaces);
          // `__proto__` is a member like any other of the text, but not of an object literal.
          const expected = { ...JSON.parse(text), id: 'mine' };
          expect(JSON.parse(edited(text))).toEqual(expected);
        },
      ),
    );
  });
});
