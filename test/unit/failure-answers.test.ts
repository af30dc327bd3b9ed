/** The answers of recorded failures: what an SDK is told beside the body. */
import { fastify } from 'fastify';
import { afterAll, describe, expect, it } from 'vitest';
import type { RequestError } from '../../src/domain/record.ts';
import { sendFailure } from '../../src/http/answers/errors.ts';

const app = fastify();
afterAll(() => app.close());
let recorded: RequestError;
app.decorateRequest('errorCode', null);
app.decorateRequest('failureCode', null);
app.get('/', (_request, reply) => sendFailure(reply, recorded));

async function answerOf(code: string, retry_after_ms: number | null) {
  recorded = {
    code,
    message: 'no',
    reason: 'attempts_exhausted',
    upstream_status: 429,
    upstream_code: null,
    upstream_type: null,
    upstream_param: null,
    upstream_request_id: null,
    retry_after_ms,
  };
  const { statusCode, headers } = await app.inject('/');
  return [statusCode, headers['retry-after'], headers['x-should-retry']];
}

describe('a recorded 429', () => {
  it.each<[number | null, string | undefined]>([
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [59_001, '60'],
    [60_000, '60'],
    // An official SDK takes more for none, and would send the call again after half a second.
    [60_001, undefined],
    [3_600_000, undefined],
    [0, undefined],
    [null, undefined],
  ])('with a delay of %s ms has the Retry-After %s, and is final all the same', async (delayMs, expected) => {
    expect(await answerOf('upstream_rate_limited', delayMs)).toEqual([429, expected, 'false']);
  });

  it('is the only failure with one: a delay says nothing of what failed in another way', async () => {
    expect(await answerOf('upstream_quota_exhausted', 5_000)).toEqual([429, '5', 'false']);
    for (const [code, status] of [
      ['deadline_exceeded', 504],
      ['upstream_overloaded', 503],
      ['upstream_rejected', 429],
    ] as const) {
      const expected = status === 429 ? '5' : undefined;
      expect(await answerOf(code, 5_000)).toEqual([status, expected, 'false']);
    }
  });
});
