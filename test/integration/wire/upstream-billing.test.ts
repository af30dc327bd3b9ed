/** A 429 that no time heals is not waited for; one that time heals is. */
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest } from '../../support/drive-request.ts';

describe('an account without money', () => {
  it.each<[string, string]>([
    ['OpenAI', '{"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}}'],
    ['OpenAI, by its type', '{"error":{"message":"x","type":"insufficient_quota","code":null}}'],
    ['OpenAI, a status for a code', '{"error":{"message":"x","type":"insufficient_quota","code":"429"}}'],
    ['OpenAI, a number for a code', '{"error":{"message":"x","type":"insufficient_quota","code":429}}'],
    [
      'OpenAI, not active',
      '{"error":{"message":"x","type":"billing_not_active","code":"billing_not_active"}}',
    ],
    [
      'OpenAI, a hard limit',
      '{"error":{"message":"x","type":"invalid_request_error","code":"billing_hard_limit_reached"}}',
    ],
    [
      'OpenAI, a code of later',
      '{"error":{"message":"x","type":"insufficient_quota","code":"some_new_code"}}',
    ],
    [
      'OpenAI, a project',
      '{"error":{"message":"x","type":"insufficient_quota","code":"project_spend_limit_exceeded"}}',
    ],
    ['LiteLLM', '{"error":{"message":"x","type":"budget_exceeded","param":null,"code":"429"}}'],
    ['LiteLLM, a user', '{"detail":"Max budget limit reached."}'],
    ['Anthropic', '{"type":"error","error":{"type":"billing_error","message":"x"}}'],
    [
      'Anthropic, a spend limit',
      '{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}',
    ],
    ['Moonshot', '{"error":{"message":"x","type":"exceeded_current_quota_error"}}'],
    ['Zhipu', '{"error":{"code":"1113","message":"x"}}'],
    [
      'xAI',
      '{"code":"Some resource has been exhausted","error":"Your team t has either used all available credits or reached its monthly spending limit."}',
    ],
    ['Alibaba', '{"code":"Arrearage","message":"x","request_id":"r"}'],
    [
      'LiteLLM, an end user',
      '{"error":{"message":"ExceededBudget: End User=a over budget.","type":"auth_error"}}',
    ],
    ['LiteLLM, a number for a code', '{"error":{"message":"x","type":"budget_exceeded","code":429}}'],
    ['a bare name', '{"error":"insufficient_quota"}'],
    ['a bare text', '{"detail":"Insufficient credits"}'],
    ['MiniMax', '{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}'],
    ['a gateway of its own', '{"error":{"message":"x","type":"team_spending_limit","code":"429"}}'],
    ['in a list', '[{"error":{"code":"insufficient_quota","message":"x"}}]'],
  ])('ends the request after one call: %s', async (_title, body) => {
    expect(await driveRequest([bytes(answer(429, body, 'retry-after: 1'))])).toMatchObject({
      hits: 1,
      failures: [{ code: 'upstream_quota_exhausted', outcome: 'not_run', billed: 'no' }],
      error: { code: 'upstream_quota_exhausted', message: expect.stringContaining('429') },
    });
  });

  it.each<[number, string]>([
    [403, '{"error":{"message":"x","code":"insufficient_quota"}}'],
    [
      400,
      '{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}',
    ],
    [403, '{"code":"x","error":"Your newly created team doesn\'t have any credits or licenses yet."}'],
    [402, '{"error":{"message":"Insufficient Balance","type":"unknown_error"}}'],
  ])('does so with any 4xx: %d', async (status, body) => {
    expect(await driveRequest([bytes(answer(status, body))])).toMatchObject({
      hits: 1,
      failures: [{ code: 'upstream_quota_exhausted', outcome: 'rejected', billed: 'no' }],
    });
  });

  it.each([
    '{"error":{"code":429,"type":"insufficient_quota"}}',
    '{"error":{"type":"billing_not_active","message":"x"}}',
  ])('does so inside a 200: %s', async (body) => {
    expect(await driveRequest([bytes(answer(200, body))])).toMatchObject({
      hits: 1,
      error: { code: 'upstream_error_in_body' },
    });
  });
});

describe('a request that is larger than the whole limit', () => {
  const OPENAI =
    'on tokens per min (TPM): Limit 30000, Requested 45411. The input or output tokens must be reduced';
  it.each<[string, string]>([
    [
      'OpenAI',
      `{"error":{"message":"Request too large for m ${OPENAI}","type":"tokens","code":"rate_limit_exceeded"}}`,
    ],
    [
      'Groq',
      `{"error":{"message":"Limit 6000, Used 0, Requested 8012, please reduce","type":"tokens","code":"rate_limit_exceeded"}}`,
    ],
    ['thousands', `{"error":{"message":"Limit: 30,000 / min. Requested: 45,411.","type":"tokens"}}`],
    [
      'Google, an account without any',
      '[{"error":{"code":429,"message":"Quota exceeded for metric: free_tier_requests, limit: 0, model: m","status":"RESOURCE_EXHAUSTED"}}]',
    ],
    [
      'by words alone',
      `{"error":{"message":"Request too large for this organization","code":"rate_limit_exceeded"}}`,
    ],
  ])('is tried a few times, then given up: %s', async (_title, body) => {
    expect(await driveRequest([bytes(answer(429, body))])).toMatchObject({
      hits: 3,
      failures: [{ code: 'upstream_rate_limited', outcome: 'not_run' }, {}, {}],
      error: { reason: 'attempts_exhausted', message: expect.stringContaining('larger than the rate limit') },
    });
  });
});

describe('a rate', () => {
  it.each<[string, string]>([
    [
      'OpenAI',
      '{"error":{"message":"Rate limit reached: Limit 30000, Used 29000, Requested 2000.","type":"tokens","code":"rate_limit_exceeded"}}',
    ],
    [
      'a type of the billing family',
      '{"error":{"message":"x","type":"insufficient_quota","code":"rate_limit_exceeded"}}',
    ],
    [
      'Alibaba, tokens per minute',
      '{"error":{"message":"Allocated quota exceeded, please increase your quota limit.","type":"insufficient_quota","code":"insufficient_quota"}}',
    ],
    ['Anthropic', '{"type":"error","error":{"type":"rate_limit_error","message":"x"}}'],
    ['Moonshot', '{"error":{"message":"x","type":"rate_limit_reached_error"}}'],
    [
      'Google',
      '[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}]',
    ],
    ['Zhipu', '{"error":{"code":"1302","message":"x"}}'],
    ['nothing at all', ''],
    ['a page', '<html>Too many</html>'],
  ])('is waited for, each time for longer: %s', async (_title, body) => {
    const driven = await driveRequest([bytes(answer(429, body))], { maxCalls: 4 });
    expect(driven).toMatchObject({ hits: 4, error: null, delaysMs: [1_000, 2_000, 4_000, 8_000] });
    expect(driven.failures[0]).toMatchObject({ code: 'upstream_rate_limited', outcome: 'not_run' });
  });
});
