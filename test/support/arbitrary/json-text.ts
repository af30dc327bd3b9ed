import fc from 'fast-check';

const SPACE = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n ');
const ODD_NUMBERS = [
  '-0',
  '1e400',
  '1e-400',
  '1E5',
  '0.10',
  '9007199254740993',
  '9007199254740993e0',
  '1e21',
  '-1e-7',
  '01',
  '.5',
  '+1',
  '1.',
];
const ODD_STRINGS = [
  String.raw`"\ud800"`,
  String.raw`"\ud83d\ude00"`,
  String.raw`"\u0000"`,
  '"\u2028"',
  '"é"',
  '"e\u0301"',
];
const ODD_WORDS = ['true', 'false', 'null', 'NaN', 'undefined', "'x'", '/**/1', '', '{', ']'];
const NAMES = [
  'a',
  'a',
  'model',
  'wait',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '',
  'length',
  '0',
];

const number = fc.oneof(
  { weight: 20, arbitrary: fc.double({ noNaN: true, min: -1e15, max: 1e15 }).map(String) },
  { weight: 20, arbitrary: fc.maxSafeInteger().map(String) },
  { weight: 1, arbitrary: fc.bigInt().map(String) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_NUMBERS) },
);
/** Of UTF-16 units, halves of surrogate pairs among them. */
const units = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 5 })
  .map((codes) => JSON.stringify(String.fromCharCode(...codes)));
const string = fc.oneof(
  { weight: 20, arbitrary: fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)) },
  { weight: 20, arbitrary: fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.string().map((text) => `"${text}"`) },
  { weight: 1, arbitrary: units },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_STRINGS) },
);
const name = fc.oneof(
  { weight: 12, arbitrary: fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: fc.constantFrom(...NAMES).map((text) => JSON.stringify(text)) },
);
const nesting = fc
  .tuple(fc.integer({ min: 1, max: 70 }), fc.constantFrom(['[', ']'], ['{"a":', '}']))
  .map(([depth, [open = '', close = '']]) => open.repeat(depth) + '1' + close.repeat(depth));

/** Text that is mostly JSON: every kind of value, odd spacing, names twice, and now and then something else. */
export const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string; member: string }>((tie) => ({
  member: fc.tuple(name, SPACE, SPACE, tie('value')).map(([key, a, b, text]) => `${key}${a}:${b}${text}`),
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 60, arbitrary: number },
    { weight: 60, arbitrary: string },
    { weight: 30, arbitrary: fc.constantFrom('true', 'false', 'null') },
    { weight: 40, arbitrary: listOf('[', tie('value'), ']') },
    { weight: 40, arbitrary: listOf('{', tie('member'), '}') },
    { weight: 4, arbitrary: nesting },
    { weight: 1, arbitrary: fc.constantFrom(...ODD_WORDS) },
  ),
})).value;

function listOf(open: string, item: fc.Arbitrary<string>, close: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.array(item, { maxLength: 4 }), SPACE, SPACE)
    .map(([items, before, after]) => open + before + items.join(`${after},${before}`) + after + close);
}
