/** What looks wrong and is not: accepted, and sent on as it came. */
export interface OddInput {
  readonly row: string;
  readonly title: string;
  /** JSON text of members beside model and messages, which the upstream receives as they are. */
  readonly passedOn: string;
  /** JSON text of ReqRun's own members. */
  readonly own?: string;
  /** Instead of an ordinary message; JSON text. */
  readonly message?: string;
  readonly headers?: Record<string, string>;
}

const odd = (row: number, title: string, passedOn: string, more: Partial<OddInput> = {}): OddInput => ({
  row: String(row),
  title,
  passedOn,
  ...more,
});
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const numbers = Array.from({ length: 10_000 }, (_, index) => index);
/** With model, messages, a message's two and `x` itself, 100,000 in all; wait is the last. */
const members = Array.from({ length: 99_994 }, (_, index) => `"${index}":1`);

/** As an agent's client sends them: every call of a tool, and its result. */
const toolSteps = Array.from({ length: 1_000 }, (_, step) =>
  [
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: `call_${step}`, type: 'function', function: { name: 'search', arguments: `{"q":${step}}` } },
      ],
    },
    { role: 'tool', tool_call_id: `call_${step}`, content: 'nothing found' },
  ]
    .map((message) => JSON.stringify(message))
    .join(),
);
const parameter = { type: 'string', description: 'what it is for', enum: ['a', 'b'] };
const tools = Array.from({ length: 128 }, (_, tool) => ({
  type: 'function',
  function: {
    name: `tool_${tool}`,
    description: 'does something',
    parameters: {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 30 }, (_one, index) => [`p${index}`, parameter])),
      required: ['p0'],
      additionalProperties: false,
    },
  },
}));

export const ODD_ROWS: readonly OddInput[] = [
  ...[
    ...['charset=utf-8', 'charset=UTF-8', 'charset=utf8', 'charset=UTF8', 'Charset=Utf8', 'charset="utf-8"'],
    ...['charset="UTF8"', 'charset=" utf8 "', 'charset=unicode-1-1-utf-8', 'charset=Unicode11UTF8'],
    ...['charset=unicode20utf8', 'charset="x-unicode20utf8"', 'charset=utf8; x=1', 'x=1;charset=utf8'],
  ].map((parameter) =>
    odd(23, `the media type with ${parameter}`, '"x":"ü"', {
      headers: { 'content-type': `application/json; ${parameter}` },
    }),
  ),
  odd(40, 'nesting as deep as is allowed', `"x":${nested(63)}`),
  odd(44, 'the largest integer that a double holds', '"seed":9007199254740991'),
  ...['9223372036854775807', '-9223372036854775808', '18446744073709551615', '12345678901234567890'].map(
    (seed) =>
      odd(44, `the seed ${seed}`, `"seed":${seed},"max_tokens":${seed},"max_completion_tokens":${seed}`),
  ),
  odd(
    44,
    'int64 and uint64 bounds in a tool schema',
    '"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"integer","minimum":-9223372036854775808,"maximum":18446744073709551615}}}}}]',
  ),
  odd(
    44,
    'large numbers in any notation',
    '"x":[9007199254740993.0,9007199254740993e0,1e20,9007199254740993.5]',
  ),
  odd(44, 'an integer of 400 digits', `"x":${'7'.repeat(400)}`),
  odd(44, 'the largest double, as .NET writes it in a schema', '"x":[1.7976931348623157E+308,1e21]'),
  odd(44, 'numbers in any notation', '"x":[1E+2,1.50,-0.0,1e-7,0e9,123456.7890]'),
  odd(47, 'a NUL in a prompt', '"x":1', { message: '{"role":"user","content":"a\\u0000b"}' }),
  odd(48, '100,000 members', `"x":{${members.join()}}`),
  odd(48, '1,000 tool steps', '"x":1', { message: `{"role":"user","content":"hi"},${toolSteps.join()}` }),
  odd(48, '128 tools of 30 parameters', `"tools":${JSON.stringify(tools)}`),
  odd(49, '10,000 elements', `"x":[${numbers.join()}]`),
  odd(56, 'a role nobody knows', '"x":1', { message: '{"role":"oracle","content":"hi","x":[null]}' }),
  odd(57, 'no content and parts', '"x":1', {
    message:
      '{"role":"user","content":null},{"role":"user","content":[{"type":"x","x":1}]},{"role":"assistant"}',
  }),
  odd(58, 'unknown members', '"x":{"y":[1.0,{"z":null}]},"":0,"constructor":1,"toString":2,"prototype":{}'),
  odd(61, 'a temperature that the upstream will judge', '"temperature":99'),
  odd(62, 'a count that the upstream will judge', '"max_tokens":-5,"max_completion_tokens":0'),
  odd(62, 'null for what is optional', '"n":null,"tools":null,"stream":null,"seed":null'),
  odd(64, 'a Prefer that cannot be read', '"x":1', { headers: { prefer: 'wait=abc, wait=-1, wait=99999' } }),
  odd(65, 'what OpenAI keeps', '"store":true,"metadata":{"k":"v\\u0000"},"user":"\\u202eu"'),
  odd(68, "a log line and somebody else's id", '"x":1', {
    message: '{"role":"user","content":"@other/id\\n{\\"level\\":60,\\"msg\\":\\"fake\\"}"}',
  }),
];
