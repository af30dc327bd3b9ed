/** What the upstream says of itself is kept in whatever form it says so: ids, codes, the field at fault. */
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest } from '../../support/drive-request.ts';

async function wordsOf(body: string, ...headers: string[]): Promise<unknown> {
  const { failures } = await driveRequest([bytes(answer(400, body, ...headers))]);
  return failures[0];
}

describe("the upstream's own id", () => {
  it.each<[string, readonly string[], string | null]>([
    ['twice', ['x-request-id: proxy', 'x-request-id: req_own'], 'req_own'],
    ['in a list', ['x-request-id: proxy, req_own'], 'req_own'],
    ['three times', ['x-request-id: a', 'x-request-id: b', 'x-request-id: req_own'], 'req_own'],
    ['the last unreadable', ['x-request-id: req_own', 'x-request-id: not plain'], 'req_own'],
    ["Anthropic's", ['request-id: a', 'request-id: req_own'], 'req_own'],
    ['none', ['x-request-id: not plain'], null],
  ])('is the last one: %s', async (_title, headers, id) => {
    expect(await wordsOf('{}', ...headers)).toMatchObject({ upstreamRequestId: id });
  });
});

describe('an error', () => {
  it.each<[string, string, string | null, string | null, string | null]>([
    ['OpenAI', '{"error":{"message":"m m","type":"t","code":"c","param":"p"}}', 'c', 't', 'p'],
    ['a list', '[{"error":{"message":"m m","code":400,"status":"INVALID_ARGUMENT"}}]', '400', null, null],
    ['a list of bare errors', '[{"message":"m m","code":"c"}]', 'c', null, null],
    [
      'FastAPI',
      '{"detail":[{"loc":["body","max_tokens"],"msg":"m m","type":"value_error"}]}',
      null,
      'value_error',
      'max_tokens',
    ],
    [
      'FastAPI, deeper',
      '{"detail":[{"loc":["body","messages",0,"content"],"msg":"m m","type":"missing"}]}',
      null,
      'missing',
      'messages[0].content',
    ],
    ['FastAPI, an object', '{"detail":{"code":"c","type":"t","message":"m m"}}', 'c', 't', null],
    [
      'FastAPI, within OpenAI',
      '{"error":{"message":"m m","detail":[{"loc":["body","n"],"type":"missing"}],"code":"c"}}',
      'c',
      'missing',
      'n',
    ],
    [
      'members at the top',
      '{"object":"error","message":"m m","type":"BadRequestError","param":"p","code":40001}',
      '40001',
      'BadRequestError',
      'p',
    ],
    ['message and code alone', '{"message":"m m","code":"c"}', 'c', null, null],
    ['errors', '{"success":false,"errors":[{"code":5006,"message":"m m"}]}', '5006', null, null],
    ['a text beside a code', '{"error":"m m","code":"c"}', 'c', null, null],
    ['a text beside its type', '{"error":"m m","error_type":"validation"}', null, 'validation', null],
    [
      'Anthropic',
      '{"type":"error","error":{"type":"invalid_request_error","message":"m m"},"request_id":"r"}',
      null,
      'invalid_request_error',
      null,
    ],
    [
      'Mistral',
      '{"object":"error","message":{"detail":[{"type":"missing","loc":["body","n"],"msg":"m m"}]}}',
      null,
      'missing',
      'n',
    ],
    ['an error in an error', '{"error":{"error":{"code":"c","type":"t"}}}', 'c', 't', null],
    ['a text alone', '"m m"', null, null, null],
    ['a text under error', '{"error":"m m"}', null, null, null],
    ['a text under detail', '{"detail":"m m"}', null, null, null],
    ['no JSON', 'm m', null, null, null],
    [
      'words that are no identifiers',
      '{"error":{"code":"my prompt","type":"my prompt","param":"my prompt"}}',
      null,
      null,
      null,
    ],
    ['a hostile loc', '{"detail":[{"loc":["body","my prompt"],"type":"missing"}]}', null, 'missing', null],
  ])('keeps its words as %s', async (_title, body, upstreamCode, upstreamType, upstreamParam) => {
    const failure = await wordsOf(body);
    expect(failure).toMatchObject({ code: 'upstream_rejected', upstreamCode, upstreamType, upstreamParam });
    expect(JSON.stringify(failure)).not.toMatch(/m m|my prompt/);
  });
});
