import { bad, bodyWith, CANARY, postFields, postText, type BadInput } from './bad-input.ts';

const without = (name: string): Buffer => postText(bodyWith({ [name]: undefined }));
const message = (fields: unknown): Buffer => postFields({ messages: [fields] });

const field = (
  row: number,
  code: 'invalid_type' | 'invalid_value',
  name: string,
  value: unknown,
): BadInput => {
  const shown = JSON.stringify(value).replaceAll(CANARY, 'text');
  const title = `${name}: ${shown.length > 40 ? `${shown.length} characters` : shown}`;
  return bad(row, title, postFields({ [name]: value }), [400, code, name]);
};

/** JSON whose members are not what they must be. */
export const FIELD_ROWS: readonly BadInput[] = [
  bad(50, 'no model', without('model'), [400, 'missing_field', 'model']),
  bad(50, 'no messages', without('messages'), [400, 'missing_field', 'messages']),
  field(51, 'invalid_type', 'model', 5),
  field(51, 'invalid_type', 'model', null),
  field(52, 'invalid_value', 'model', ''),
  field(52, 'invalid_value', 'model', CANARY.repeat(700)),
  field(52, 'invalid_value', 'model', `${CANARY}\n`),
  field(47, 'invalid_value', 'model', `${CANARY}\0`),
  field(54, 'invalid_value', 'messages', []),
  field(55, 'invalid_type', 'messages', CANARY),
  bad(56, 'a message that is text', message(CANARY), [400, 'invalid_type', 'messages.0']),
  bad(56, 'a message that is null', message(null), [400, 'invalid_type', 'messages.0']),
  bad(56, 'a message without a role', message({ content: CANARY }), [
    400,
    'missing_field',
    'messages.0.role',
  ]),
  bad(57, 'content that is a number', message({ role: 'user', content: 5 }), [
    400,
    'invalid_type',
    'messages.0.content',
  ]),
  bad(57, 'a content part that is text', message({ role: 'user', content: [CANARY] }), [
    400,
    'invalid_type',
    'messages.0.content',
  ]),
  bad(58, 'an unknown name inside reqrun', postFields({ reqrun: { deadline: 5 } }), [
    400,
    'unknown_field',
    'reqrun.deadline',
  ]),
  field(58, 'invalid_type', 'reqrun', CANARY),
  bad(59, 'stream: true with a start time', postFields({ stream: true, reqrun: { run_at: 60 } }), [
    400,
    'stream_not_supported',
    'reqrun.run_at',
  ]),
  field(59, 'invalid_type', 'stream', 'true'),
  ...[0, 1.5, 129, 1_000_000].map((n) => field(60, 'invalid_value', 'n', n)),
  field(61, 'invalid_type', 'temperature', '0.5'),
  field(61, 'invalid_type', 'temperature', 'NaN'),
  field(62, 'invalid_type', 'max_tokens', '5'),
  field(62, 'invalid_value', 'max_tokens', 1.5),
  ...['true', null, {}, []].map((wait) => field(63, 'invalid_type', 'wait', wait)),
  ...[-1, 3601, 1e12].map((wait) => field(64, 'invalid_value', 'wait', wait)),
  ...['api_base', 'base_url', 'api_key', 'headers', 'extra_headers', 'extra_query', 'extra_body'].map(
    (name) =>
      bad(66, `${name}, which would steer the call elsewhere`, postFields({ [name]: CANARY }), [
        400,
        'unknown_field',
        name,
      ]),
  ),
];
