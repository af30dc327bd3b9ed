import { bad, bodyWith, bodyWithText, CANARY, postText, type BadInput } from './bad-input.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const notJson = [400, 'invalid_json'] as const;
const notAnObject = [400, 'invalid_request'] as const;
const twice = [400, 'duplicate_field'] as const;
const badNumber = [400, 'invalid_number'] as const;
const tooLarge = [413, 'request_too_large'] as const;

const withValue = (value: string): Buffer => postText(bodyWithText(`"x":${value}`));
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const members = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"${index}":1`).join()}}`;
const arraysOf = (count: number, elements: number): string =>
  Array.from({ length: count }, () => `[${'1,'.repeat(elements - 1)}1]`).join();

/** Bodies that are not JSON, or not the same JSON to everyone who reads it. */
export const JSON_ROWS: readonly BadInput[] = [
  bad(33, 'an empty body', postText(''), notJson),
  bad(33, 'a body of white space', postText(' \n'), notJson),
  ...[
    ['half an object', '{'],
    ['a trailing comma', `{"model":"${CANARY}",}`],
    ['a comment', `{/* ${CANARY} */}`],
    ['single quotes', `{'model':'${CANARY}'}`],
    ['NaN', `{"${CANARY}":NaN}`],
    ['a name without quotes', `{${CANARY}:1}`],
    ['two values', `{}{"model":"${CANARY}"}`],
    ['a line feed in a string', `{"model":"${CANARY}\n"}`],
    ['a leading zero', bodyWithText('"x":01')],
  ].map(([title = '', body = '']) => bad(34, title, postText(body), notJson)),
  ...['null', '[]', `"${CANARY}"`, '1', 'true'].map((body) =>
    bad(35, `${body.replace(CANARY, 'text')} instead of an object`, postText(body), notAnObject),
  ),
  bad(36, 'a byte order mark', postText(`\uFEFF${bodyWith()}`), notJson),
  bad(37, 'a byte that is not UTF-8', postText(bytes(bodyWithText('"x":"\xff"'))), [400, 'invalid_encoding']),
  bad(37, 'an overlong slash', postText(bytes(bodyWithText('"x":"\xc0\xaf"'))), [400, 'invalid_encoding']),
  bad(37, 'a surrogate as UTF-8', postText(bytes(bodyWithText('"x":"\xed\xa0\x80"'))), [
    400,
    'invalid_encoding',
  ]),
  bad(38, 'a member twice', postText(bodyWithText(`"model":"${CANARY}"`)), twice),
  bad(38, 'a member twice, once escaped', postText(bodyWithText(`"mod\\u0065l":"${CANARY}"`)), twice),
  bad(38, 'a member twice, deep inside', withValue('[{"a":{"b":1,"b":2}}]'), twice),
  bad(39, '__proto__', withValue(`{"__proto__":{"x":"${CANARY}"}}`), notJson),
  bad(39, '__proto__, escaped', withValue(`{"\\u005f_proto__":{"x":"${CANARY}"}}`), notJson),
  bad(39, 'constructor.prototype', withValue(`{"constructor":{"prototype":{"x":"${CANARY}"}}}`), notJson),
  bad(40, '100,000 arrays in each other', withValue(nested(100_000)), [400, 'json_too_deep']),
  bad(40, '64 arrays in the body, which is a level itself', withValue(nested(64)), [400, 'json_too_deep']),
  bad(41, 'a body of 1.1 MB', postText(bodyWith({ x: CANARY.repeat(73_334) })), tooLarge),
  ...['1e400', '-1e400', '1.0E+309', '1e-400'].map((number) =>
    bad(43, `the number ${number}`, withValue(number), badNumber),
  ),
  bad(46, 'half a surrogate pair', withValue('"\\ud800"'), [400, 'invalid_unicode']),
  bad(46, 'half a surrogate pair in a name', withValue('{"\\udc00":1}'), [400, 'invalid_unicode']),
  bad(48, '100,000 members', withValue(members(100_000)), [400, 'too_many_fields']),
  bad(48, '100,001 members in all', withValue(members(99_996)), [400, 'too_many_fields']),
  bad(49, '10,001 elements', withValue(`[${'1,'.repeat(10_000)}1]`), [400, 'too_many_items']),
  bad(49, 'arrays of 500,000 elements in all', withValue(`[${arraysOf(50, 10_000)}]`), [
    400,
    'too_many_items',
  ]),
  bad(49, '500,000 messages', postText(`{"messages":[${'1,'.repeat(499_999)}1]}`), [400, 'too_many_items']),
];
