/** The message of a failed request names the status it saw, says why nothing more is tried, and quotes nothing. */
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest, OK } from '../../support/drive-request.ts';

const rate = (...headers: string[]): string =>
  answer(429, '{"error":{"message":"secret","code":"rate_limit_exceeded"}}', ...headers);

interface Case {
  readonly raw: string | Buffer;
  readonly options?: object;
  readonly deadlineMs?: number;
  readonly message: string;
}

const CASES: readonly Case[] = [
  {
    raw: rate(),
    options: { max_attempts: 2 },
    message: 'The upstream answered 429: it reported a rate limit; given up after 2 attempts.',
  },
  {
    raw: rate('retry-after: 300'),
    deadlineMs: 60_000,
    message:
      'The upstream answered 429: it reported a rate limit; it asked to wait 300 s, which is longer than the deadline leaves.',
  },
  {
    raw: rate('x-should-retry: false'),
    message:
      'The upstream answered 429: it reported a rate limit; it asked for no retry (x-should-retry: false).',
  },
  {
    raw: rate(),
    deadlineMs: 6_000,
    message:
      "The request's deadline leaves no time for another attempt, after 3 attempts. The last one: the upstream answered 429: it reported a rate limit.",
  },
  {
    raw: rate('retry-after: 2'),
    deadlineMs: 3_000,
    message:
      'The upstream answered 429: it reported a rate limit; it asked to wait 2 s, which is longer than the deadline leaves.',
  },
  {
    raw: answer(202, '{"id":"x"}'),
    message: 'The upstream answered 202 with JSON that holds no result; given up after 2 attempts.',
  },
  {
    raw: answer(201, ''),
    message: 'The upstream answered 201 with an empty body; given up after 2 attempts.',
  },
  {
    raw: 'HTTP/1.1 204 No Content\r\n\r\n',
    message: 'The upstream answered 204 with an empty body; given up after 2 attempts.',
  },
  {
    raw: answer(200, '<html>secret</html>'),
    message: 'The upstream answered 200 with a page instead of JSON; given up after 2 attempts.',
  },
  {
    raw: answer(409, '{"error":{"message":"secret"}}'),
    options: { max_attempts: 1 },
    message: 'The upstream answered 409: the request conflicts with another; given up after 1 attempt.',
  },
  {
    raw: answer(409, '{}', 'x-should-retry: false'),
    message:
      'The upstream answered 409: the request conflicts with another; it asked for no retry (x-should-retry: false).',
  },
  {
    raw: answer(
      403,
      '{"error":{"code":403,"message":"secret","metadata":{"reasons":["violence"],"flagged_input":"secret"}}}',
    ),
    message:
      'The upstream answered 403 and refused the request: it found the content unfit; it is not retried.',
  },
  {
    raw: answer(
      200,
      '{"error":{"code":403,"message":"secret","metadata":{"reasons":["violence"],"flagged_input":"secret"}}}',
    ),
    message: 'The upstream answered 200 with an error inside, with the code 403; it is not retried.',
  },
  {
    raw: answer(401, '{"error":{"message":"secret"}}'),
    message: "The upstream answered 401: it refused the operator's credentials; it is not retried.",
  },
  {
    raw: answer(407, ''),
    message:
      "A proxy in front of the upstream answered 407: it refused the operator's credentials; it is not retried.",
  },
  {
    raw: answer(404, ''),
    message: 'The upstream answered 404: it does not know the model, deployment or path; it is not retried.',
  },
  {
    raw: answer(422, '{"detail":[{"loc":["body","n"],"msg":"secret"}]}'),
    message: 'The upstream answered 422 and refused the request; it is not retried.',
  },
  {
    raw: answer(302, '', 'location: /secret'),
    message: 'The upstream answered 302 with a redirect, which is not followed; it is not retried.',
  },
  {
    raw: answer(402, ''),
    message:
      "The upstream answered 402: the account's quota, credit or spend limit is exhausted; it is not retried.",
  },
  {
    raw: answer(530, 'error code: 1033'),
    options: { max_attempts: 1 },
    message: 'A gateway in front of the upstream failed with 530; given up after 1 attempt.',
  },
  {
    raw: answer(500, 'secret'),
    options: { on_unknown_outcome: 'fail' },
    message:
      'The upstream failed with 500, so the request may have run; on_unknown_outcome is "fail", so it was not repeated.',
  },
  {
    raw: answer(529, '{"error":{"message":"Overloaded"}}'),
    options: { max_attempts: 1 },
    message: 'The upstream answered 529: it is overloaded; given up after 1 attempt.',
  },
  {
    raw: '',
    options: { max_attempts: 1 },
    message:
      'The connection broke after the request was sent and before an answer came; given up after 1 attempt.',
  },
  {
    raw: answer(408, ''),
    options: { max_attempts: 1 },
    message:
      'The upstream answered 408: it did not receive or handle the request in time; given up after 1 attempt.',
  },
];

describe('the message of a failed request', () => {
  it.each(CASES)('$message', async ({ raw, options, deadlineMs, message }) => {
    const driven = await driveRequest([bytes(raw)], {
      ...(options === undefined ? {} : { options }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
    expect(driven.error?.message).toBe(message);
    expect(JSON.stringify(driven), "nothing of the upstream's text").not.toContain('secret');
  });

  it('is none where the request completes after all', async () => {
    expect(await driveRequest([bytes(rate()), bytes(answer(200, OK))])).toMatchObject({
      error: null,
      completed: OK,
    });
  });
});
