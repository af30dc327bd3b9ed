/** A record's answer: the upstream's own text in it, and a hint when to look again. */
import { fastify } from 'fastify';
import { afterAll, describe, expect, it } from 'vitest';
import { RequestOptions } from '../../src/domain/options.ts';
import type { StoredRequest } from '../../src/domain/requests.ts';
import { pollAfterSeconds, recordPath, sendRecord } from '../../src/http/answers/record.ts';

const AT = '2026-11-24T00:00:00.000Z';
const RECORD: StoredRequest['record'] = {
  id: 'ticket-842',
  object: 'request',
  status: 'queued',
  terminal: false,
  cancel_requested: false,
  operation: 'chat.completions',
  model: 'm',
  run: 1,
  previous_run_id: null,
  attempts: 0,
  max_attempts: null,
  waiting_for: 'worker',
  waiting_reason: null,
  options: RequestOptions.parse({}),
  created_at: AT,
  updated_at: AT,
  completed_at: null,
  deadline_at: AT,
  next_attempt_at: null,
  expires_at: null,
  last_error_code: null,
  error: null,
  unknown_attempts: 0,
  possible_duplicate: false,
  usage: null,
  upstream_response_id: null,
  attempt_log: [],
  temporal: { namespace: 'default', workflow_id: 'ticket-842', run_id: 'r', url: null },
};

const app = fastify();
afterAll(() => app.close());
let stored: StoredRequest;
app.get('/', (_request, reply) => sendRecord(reply, stored));

async function answerOf(record: Partial<StoredRequest['record']>, result: string | null = null) {
  const bytes = result === null ? null : Buffer.from(result);
  stored = { record: { ...RECORD, ...record }, result: bytes, cuts: null, response: null };
  const { statusCode, headers, body } = await app.inject('/');
  return { statusCode, headers, body };
}

describe('the answer of a record', () => {
  it('is the record, with a result of null while there is none', async () => {
    const { statusCode, headers, body } = await answerOf({});
    expect(statusCode).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': 'ticket-842',
      'retry-after': '1',
    });
    expect(JSON.parse(body)).toEqual({ ...RECORD, result: null });
  });

  it.each([
    ['spacing and escapes', '{ "a" : "\\u00e9",\n"b":"é" }'],
    ['numbers that a double rounds', '{"seed":9223372036854775807,"x":1.0,"y":1e400}'],
    ['a member named twice', '{"a":1,"a":2}'],
    ['no object', '"text"'],
  ])('has the result as the upstream wrote it: %s', async (_what, result) => {
    const { body, headers } = await answerOf({ status: 'completed', terminal: true }, result);
    expect(body.endsWith(`,"result":${result}}`)).toBe(true);
    expect(() => JSON.parse(body)).not.toThrow();
    expect(Number(headers['content-length'])).toBe(Buffer.byteLength(body));
  });

  it.each(['completed', 'failed', 'cancelled'] as const)(
    'has no hint when to look again once %s',
    async (status) => {
      expect((await answerOf({ status, terminal: true })).headers).not.toHaveProperty('retry-after');
    },
  );

  it('says to look again when the next attempt begins, within a minute', async () => {
    const { headers } = await answerOf({ status: 'retrying', next_attempt_at: '2100-01-01T00:00:00.000Z' });
    expect(headers['retry-after']).toBe('60');
  });
});

describe('when to look again', () => {
  const NOW_MS = Date.parse(AT);

  it.each<[string, number | null, number]>([
    ['no next attempt', null, 1],
    ['one that should have begun', -5_000, 1],
    ['one that begins now', 0, 1],
    ['one in a millisecond', 1, 1],
    ['one in a second', 1_000, 1],
    ['one in little more than a second', 1_001, 2],
    ['one in half a minute', 29_500, 30],
    ['one in a minute', 60_000, 60],
    ['one in an hour', 3_600_000, 60],
  ])('is, for %s, in whole seconds that are not too early: %s ms', (_what, inMs, seconds) => {
    const nextAttemptAt = inMs === null ? null : new Date(NOW_MS + inMs).toISOString();
    expect(pollAfterSeconds(nextAttemptAt, NOW_MS)).toBe(seconds);
  });
});

it.each([
  ['ticket-842', '/v1/requests/ticket-842'],
  ['a/b?c#d', '/v1/requests/a%2Fb%3Fc%23d'],
  ['100%', '/v1/requests/100%25'],
])('the path of %s leads to it and nowhere else: %s', (id, path) => {
  expect(recordPath(id)).toBe(path);
  expect(decodeURIComponent(new URL(path, 'http://x').pathname.split('/').at(-1) ?? '')).toBe(id);
});
