/** What a Response shows of a request, in every state. */
import { describe, expect, it } from 'vitest';
import type { FailureCode } from '../../src/domain/error-catalogue.ts';
import type { RequestError } from '../../src/domain/record.ts';
import { requestError } from '../../src/domain/run-end.ts';
import { pageOfInput, type PageQuery } from '../../src/http/answers/input-items.ts';
import {
  responseOfResult,
  responseWithoutResult,
  type ResponseState,
} from '../../src/http/answers/response-object.ts';

const QUEUED: ResponseState = {
  id: 'ticket-842',
  createdAt: '2026-11-24T00:00:01.900Z',
  model: 'gpt-5-nano',
  terms: { background: true, previous_response_id: null },
  status: 'queued',
  error: null,
};
const BODY = { model: 'gpt-5-nano', input: 'hi' };

function shown(state: Partial<ResponseState> = {}, body: object | string = BODY): Record<string, unknown> {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return JSON.parse(responseWithoutResult({ ...QUEUED, ...state }, bytes).toString());
}

describe('a Response without a result', () => {
  it("has every member that official clients require, under the request's own id", () => {
    expect(shown()).toEqual({
      id: 'ticket-842',
      object: 'response',
      created_at: 1795478401,
      status: 'queued',
      background: true,
      error: null,
      incomplete_details: null,
      model: 'gpt-5-nano',
      output: [],
      usage: null,
      instructions: null,
      metadata: {},
      parallel_tool_calls: true,
      temperature: null,
      tool_choice: 'auto',
      tools: [],
      top_p: null,
      previous_response_id: null,
    });
  });

  it.each([
    ['queued', 'queued'],
    ['processing', 'in_progress'],
    ['retrying', 'in_progress'],
    ['failed', 'failed'],
    ['cancelled', 'cancelled'],
  ] as const)('that is %s is %s, in the words of OpenAI', (status, expected) => {
    expect(shown({ status, error: requestError('upstream_timeout', 'terminal') })['status']).toBe(expected);
  });

  it('repeats the fields of the request in their own text, and none that is not a field of a Response', () => {
    const text =
      '{"model":"m","input":"hi","temperature":0.10, "max_output_tokens": 12345678901234567890,"metadata":{"a":"b"},"include":[],"x":1}';
    const bytes = responseWithoutResult(QUEUED, Buffer.from(text)).toString();
    expect(bytes).toContain('"temperature":0.10');
    expect(bytes).toContain('"max_output_tokens":12345678901234567890');
    expect(JSON.parse(bytes)).toMatchObject({ metadata: { a: 'b' } });
    expect(Object.keys(JSON.parse(bytes))).not.toEqual(expect.arrayContaining(['input']));
    expect(bytes).not.toContain('"x"');
  });

  it('names the previous Response as the caller did, not as the upstream knows it', () => {
    const terms = { background: false, previous_response_id: 'mine' };
    expect(shown({ terms }, { ...BODY, previous_response_id: 'resp_theirs' })).toMatchObject({
      previous_response_id: 'mine',
      background: false,
    });
  });

  it.each<[FailureCode, string | null, string]>([
    ['upstream_rate_limited', null, 'rate_limit_exceeded'],
    ['upstream_quota_exhausted', 'insufficient_quota', 'rate_limit_exceeded'],
    ['upstream_rejected', 'context_length_exceeded', 'invalid_prompt'],
    ['upstream_error_in_body', 'invalid_image', 'invalid_image'],
    ['upstream_error_in_body', 'made_up', 'server_error'],
    ['deadline_exceeded', null, 'server_error'],
  ])(
    'that failed with %s (upstream: %s) has the code %s, because clients know no other',
    (code, upstream_code, expected) => {
      const error: RequestError = { ...requestError(code, 'terminal'), upstream_code };
      expect(shown({ status: 'failed', error })['error']).toEqual({
        code: expected,
        message: error.message,
        type: code,
      });
    },
  );

  it('that was cancelled has no error, as at OpenAI', () => {
    const error = requestError('request_cancelled', 'cancelled');
    expect(shown({ status: 'cancelled', error })).toMatchObject({ status: 'cancelled', error: null });
  });
});

describe('a Response with a result', () => {
  const THEIRS =
    '{"id":"resp_1","object":"response","background":false,"previous_response_id":"resp_0","output":[ ]}';
  const of = (terms: ResponseState['terms'], text = THEIRS): string =>
    Buffer.from(responseOfResult('mine', terms, Buffer.from(text))).toString();

  it("is the upstream's bytes but for what the caller knows otherwise", () => {
    expect(of({ background: true, previous_response_id: 'before' })).toBe(
      '{"id":"mine","object":"response","background":true,"previous_response_id":"before","output":[ ]}',
    );
    expect(of({ background: false, previous_response_id: null }, '{"object":"response"}')).toBe(
      '{"id":"mine","object":"response"}',
    );
  });
});

describe('the input of a request', () => {
  const body = (input: unknown): Buffer => Buffer.from(JSON.stringify({ model: 'm', input }));
  const page = (input: unknown, query: Partial<PageQuery> = {}) =>
    pageOfInput('r', body(input), { after: undefined, limit: 20, order: 'asc', ...query });

  it('is one user message where it is a text', () => {
    expect(page('hi').data).toMatchObject([
      { type: 'message', role: 'user', status: 'completed', content: [{ type: 'input_text', text: 'hi' }] },
    ]);
    expect(page('hi').data[0]?.id).toMatch(/^msg_[0-9a-f]{48}$/);
  });

  it('keeps ids and items as they came, and has the same ids for every reader', () => {
    const input = [
      { role: 'assistant', content: 'yes' },
      { type: 'function_call_output', call_id: 'c', output: '4' },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'x' },
    ];
    const { data } = page(input);
    expect(data).toMatchObject([
      { type: 'message', content: [{ type: 'output_text', text: 'yes', annotations: [] }] },
      input[1] ?? {},
      input[2] ?? {},
    ]);
    expect(page(input).data).toEqual(data);
    expect(data.map(({ id }) => id.split('_')[0])).toEqual(['msg', 'fco', 'rs']);
  });

  it('is listed in pages, the last item first by default', () => {
    const input = ['a', 'b', 'c'].map((content) => ({ role: 'user', content }));
    const all = page(input);
    const [first] = all.data;
    expect(page(input, { order: 'desc' }).data).toEqual(all.data.toReversed());
    expect(page(input, { limit: 1 })).toMatchObject({
      has_more: true,
      first_id: first?.id,
      last_id: first?.id,
    });
    expect(page(input, { after: first?.id }).data).toEqual(all.data.slice(1));
    expect(() => page(input, { after: 'no' })).toThrow(expect.objectContaining({ param: 'after' }));
  });

  it.each([undefined, null, [], [1]])('is empty for %j', (input) => {
    expect(page(input)).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });
  });
});
