/** `not_run` and `billed: no` need the provider's own documented words; what is unknown is not repeated under `fail`. */
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest, OK } from '../../support/drive-request.ts';

const TEXT = 'content-type: text/plain';
const HTML = 'content-type: text/html';

describe('a 503 that does not prove that nothing was begun', () => {
  it.each<[string, string]>([
    [
      'Envoy, a lost connection',
      answer(
        503,
        'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
        TEXT,
      ),
    ],
    [
      'Envoy, a local reset',
      answer(
        503,
        'upstream connect error or disconnect/reset before headers. retried and the latest reset reason: local reset',
        TEXT,
      ),
    ],
    ['Envoy, no healthy upstream', answer(503, 'no healthy upstream', TEXT)],
    ["a router's page", answer(503, '<html><h1>Application error</h1></html>', HTML)],
    ['nginx', answer(503, '<html><title>503 Service Temporarily Unavailable</title></html>', HTML)],
    [
      'HAProxy',
      answer(
        503,
        '<html><body><h1>503 Service Unavailable</h1>No server is available to handle this request.</body></html>',
        HTML,
      ),
    ],
    ['an empty body', answer(503, '')],
    ['a page under a JSON content type', answer(503, '<html>overloaded</html>')],
    ['Kong', answer(503, '{"message":"failure to get a peer from the ring-balancer"}')],
    ["a gateway's phrase", answer(503, '{"error":"Service Unavailable"}')],
    ['Fastify', answer(503, '{"statusCode":503,"error":"Service Unavailable","message":"x"}')],
    ['AWS API Gateway', answer(503, '{"message":"Service Unavailable"}')],
    [
      'LiteLLM that quotes Envoy',
      answer(
        503,
        '{"error":{"message":"ServiceUnavailableError: upstream connect error, reset reason: connection termination","type":null,"code":"503"}}',
      ),
    ],
    ['Spring', answer(503, '{"timestamp":"x","status":503,"error":"Service Unavailable","path":"/v1"}')],
    ['problem details', answer(503, '{"type":"about:blank","title":"Service Unavailable","status":503}')],
    ['Apigee', answer(503, '{"fault":{"faultstring":"The Service is temporarily unavailable"}}')],
    ['cut JSON', answer(503, '{"error":{"message":"The engine is currently overl')],
  ])('is unknown: %s', async (_title, raw) => {
    const failed = await driveRequest([bytes(raw), bytes(answer(200, OK))], {
      options: { on_unknown_outcome: 'fail' },
    });
    expect(failed).toMatchObject({
      hits: 1,
      failures: [
        { code: 'upstream_gateway_error', outcome: 'unknown', billed: 'maybe', upstreamStatus: 503 },
      ],
      error: { code: 'outcome_unknown', message: expect.stringContaining('503') },
    });
    const retried = await driveRequest([bytes(raw), bytes(answer(200, OK))]);
    expect(retried).toMatchObject({ hits: 2, completed: OK });
  });

  it('is unknown where an API error says neither', async () => {
    const failed = await driveRequest([bytes(answer(503, '{"error":{"message":"x"}}'))], {
      options: { on_unknown_outcome: 'fail' },
    });
    expect(failed).toMatchObject({ hits: 1, failures: [{ outcome: 'unknown', billed: 'maybe' }] });
  });
});

describe("a 503 in the provider's own words", () => {
  it.each<[string, string]>([
    [
      'OpenAI',
      '{"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error"}}',
    ],
    [
      'OpenAI, by name',
      '{"error":{"message":"x","type":"service_unavailable_error","code":"server_is_overloaded"}}',
    ],
    ['llama.cpp', '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'],
    ['Hugging Face', '{"error":"Model m is currently loading","estimated_time":0.02}'],
    ['a message alone', '{"message":"Model m is overloaded"}'],
    ['text-generation-inference', '{"error":"Model is overloaded","error_type":"overloaded"}'],
    ['Google', '[{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}]'],
    [
      'OpenRouter',
      '{"error":{"code":503,"message":"There is no available model provider that meets your routing requirements"}}',
    ],
  ])('did not run: %s', async (_title, body) => {
    const driven = await driveRequest([bytes(answer(503, body)), bytes(answer(200, OK))], {
      options: { on_unknown_outcome: 'fail' },
    });
    expect(driven).toMatchObject({
      hits: 2,
      failures: [{ code: 'upstream_overloaded', outcome: 'not_run', billed: 'no' }],
      completed: OK,
    });
  });
});

describe('a refusal that carries a piece of what the model wrote', () => {
  it.each<[string, number, string]>([
    [
      'Groq',
      400,
      '{"error":{"message":"x","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function=a>"}}',
    ],
    [
      'Groq, JSON mode',
      400,
      '{"error":{"message":"x","code":"json_validate_failed","failed_generation":"{\\"a\\":"}}',
    ],
    ['a 422 with choices', 422, '{"error":{"message":"x"},"choices":[{"message":{"content":"half"}}]}'],
    ['a 429 in the middle', 429, '{"error":{"message":"x","metadata":{"partial_output":"half"}}}'],
    ['a 403 after the fact', 403, '{"error":{"message":"flagged","partial_response":"half of it"}}'],
    [
      'OpenRouter, of its provider',
      400,
      '{"error":{"message":"Provider returned error","metadata":{"raw":"{\\"error\\":{\\"failed_generation\\":\\"a\\"}}"}}}',
    ],
    ['a message', 422, '{"error":{"message":"x"},"message":{"role":"assistant","content":"half"}}'],
    [
      'one that counts its tokens',
      400,
      '{"error":{"message":"x"},"usage":{"prompt_tokens":5,"completion_tokens":7}}',
    ],
  ])('ran, and its answer is lost: %s', async (_title, status, body) => {
    const driven = await driveRequest([bytes(answer(status, body))]);
    expect(driven).toMatchObject({
      hits: 2,
      failures: [{ code: 'upstream_rejected', outcome: 'lost', billed: 'maybe', upstreamStatus: status }, {}],
      error: { code: 'upstream_rejected', upstream_status: status },
    });
    expect(JSON.stringify(driven)).not.toContain('half');
    const once = await driveRequest([bytes(answer(status, body))], {
      options: { on_unknown_outcome: 'fail' },
    });
    expect(once).toMatchObject({ hits: 1, error: { code: 'outcome_unknown' } });
  });

  it.each<[string, number, string, string]>([
    [
      'an echo of the input',
      422,
      '{"detail":[{"loc":["body","messages"],"msg":"x","type":"missing","input":{"choices":[1],"output":"mine"}}]}',
      'rejected',
    ],
    [
      'no tokens',
      400,
      '{"error":{"message":"x"},"usage":{"completion_tokens":0},"failed_generation":""}',
      'rejected',
    ],
  ])('did not run with %s', async (_title, status, body, outcome) => {
    expect(await driveRequest([bytes(answer(status, body))])).toMatchObject({
      hits: 1,
      failures: [{ outcome }],
    });
  });
});

describe('a 403', () => {
  it.each<[string, string]>([
    ['xAI', '{"code":"x","error":"Content violates usage guidelines."}'],
    [
      'xAI, which names the key',
      '{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Team: t, API key ID: k, Failed check: SAFETY_CHECK_TYPE_BIO"}',
    ],
    [
      'OpenRouter',
      '{"error":{"code":403,"message":"x","metadata":{"reasons":["violence"],"flagged_input":"a"}}}',
    ],
    ['OpenAI', '{"error":{"message":"x","type":"invalid_request_error","code":"content_policy_violation"}}'],
    ['ZenMux', '{"error":{"code":"403","type":"safety_check_failed","message":"x"}}'],
    ['few words', '{"error":{"message":"content_filter"}}'],
    ['a gateway', '{"error":{"message":"Your prompt was flagged by our moderation system."}}'],
    [
      'Together, too many tokens',
      '{"error":{"message":"Input count plus max_tokens must be less than the context length","type":"invalid_request_error"}}',
    ],
  ])('for the content may be billed, and keeps its status: %s', async (_title, body) => {
    expect(await driveRequest([bytes(answer(403, body))])).toMatchObject({
      hits: 1,
      failures: [{ code: 'upstream_rejected', outcome: 'rejected', billed: 'maybe', upstreamStatus: 403 }],
      error: { upstream_status: 403, message: expect.not.stringContaining('credentials') },
    });
  });

  it.each<[string, string]>([
    ['no words', '{}'],
    [
      'OpenAI, a country',
      '{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported"}}',
    ],
    [
      'a permission',
      '{"error":{"message":"You do not have permission to use this model","type":"permission_error"}}',
    ],
    ['a key', '{"error":{"message":"The API key is not allowed here"}}'],
    [
      'a banned account',
      '{"error":{"message":"Your account was suspended for violating our usage policies"}}',
    ],
    ['a page', '<html>Forbidden</html>'],
  ])('for the credentials was not billed: %s', async (_title, body) => {
    expect(await driveRequest([bytes(answer(403, body))])).toMatchObject({
      hits: 1,
      failures: [{ code: 'upstream_auth_failed', outcome: 'rejected', billed: 'no' }],
    });
  });
});

describe('a redirect', () => {
  it.each([300, 302, 303, 304, 305, 306, 399])('may have been taken up elsewhere: %d', async (status) => {
    expect(await driveRequest([bytes(answer(status, '', 'location: /x'))])).toMatchObject({
      hits: 1,
      failures: [{ code: 'upstream_redirect', outcome: 'unknown', billed: 'maybe' }],
      error: { message: expect.stringContaining(String(status)) },
    });
  });

  it.each([301, 307, 308])('asks for the same request elsewhere, so that nothing ran: %d', async (status) => {
    expect(await driveRequest([bytes(answer(status, '', 'location: /x'))])).toMatchObject({
      hits: 1,
      failures: [{ code: 'upstream_redirect', outcome: 'rejected', billed: 'no' }],
    });
  });
});

describe("a conflict or an overload in words that are not the provider's", () => {
  it.each([498, 529])('proves it where the status is documented: %d without a body', async (status) => {
    expect(await driveRequest([bytes(answer(status, '')), bytes(answer(200, OK))])).toMatchObject({
      hits: 2,
      failures: [{ code: 'upstream_overloaded', outcome: 'not_run', billed: 'no' }],
    });
  });

  it.each([409, 498, 529])('proves nothing: %d with a page', async (status) => {
    const driven = await driveRequest([bytes(answer(status, '<html>busy</html>', HTML))], {
      options: { on_unknown_outcome: 'fail' },
    });
    expect(driven).toMatchObject({ hits: 1, failures: [{ outcome: 'unknown', billed: 'maybe' }] });
  });
});
