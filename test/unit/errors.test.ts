/** The one place that turns what was thrown into an answer: statuses, envelopes and headers. */
import { fastify, LogController, type FastifyBaseLogger, type FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ERROR_CATALOGUE,
  type ErrorCode,
  type FailureCode,
  FAILURES,
  isFailureCode,
  REFUSALS,
} from '../../src/domain/error-catalogue.ts';
import type { RequestError } from '../../src/domain/record.ts';
import { acceptanceUnknown, overloaded, Refusal, unavailable } from '../../src/domain/refusal.ts';
import { requestError } from '../../src/domain/run-end.ts';
import { FailureReason } from '../../src/domain/vocabulary.ts';
import { envelopeOf, handleErrors, sendFailure, toRefusal } from '../../src/http/answers/errors.ts';
import type { App } from '../../src/http/app-types.ts';
import { captureLog } from '../support/captured-log.ts';

const { log, lines } = captureLog('trace');
const loggerInstance: FastifyBaseLogger = log;
const logged = (): unknown[] => lines.slice(before).map((line): unknown => JSON.parse(line));
let before = 0;
/** What the route answers with. */
let answer: (reply: FastifyReply) => FastifyReply;
/** The codes that the log and the metrics are given. */
let codes: { error: ErrorCode | null; failure: FailureCode | null };

const app: App = fastify({
  loggerInstance,
  logController: new LogController({ disableRequestLogging: true }),
}).withTypeProvider<ZodTypeProvider>();
handleErrors(app);
app.addHook('onResponse', async ({ errorCode, failureCode }) => {
  codes = { error: errorCode, failure: failureCode };
});
app.get('/', (_request, reply) => answer(reply));
afterAll(() => app.close());
beforeEach(() => {
  before = lines.length;
});

const get = async (url = '/') => {
  const { statusCode: status, headers, body } = await app.inject(url);
  return { status, headers, body, error: JSON.parse(body).error };
};
const answerTo = (thrown: unknown) => {
  answer = () => {
    throw thrown;
  };
  return get();
};
const answerOf = (fields: Partial<RequestError>) => {
  const error = { ...requestError('internal_error', FailureReason.terminal), ...fields };
  answer = (reply) => sendFailure(reply, error);
  return get();
};

const isRefusalCode = (code: string): code is keyof typeof REFUSALS => Object.hasOwn(REFUSALS, code);

describe('a refusal', () => {
  it.each(Object.keys(REFUSALS).filter(isRefusalCode))(
    'with code %s is answered as catalogued',
    async (code) => {
      const { status, headers, body, error } = await answerTo(new Refusal(code));
      const { type, meaning, status: expected } = ERROR_CATALOGUE[code];
      expect(status).toBe(expected);
      expect(error).toEqual({ message: meaning, type, param: null, code });
      expect(Object.keys(JSON.parse(body))).toEqual(['error']);
      expect(headers['content-type']).toBe('application/json; charset=utf-8');
      // RFC 9110, 11.6.1.
      expect(headers['www-authenticate']).toBe(status === 401 ? 'Bearer' : undefined);
      expect(headers['retry-after']).toBe(undefined);
      expect(headers['x-request-id']).toBe(undefined);
      // Sent again, a call that is wrong in itself is as wrong: an official SDK is not to try.
      const isFinal = status < 500 && status !== 429;
      expect(headers['x-should-retry']).toBe(isFinal ? 'false' : undefined);
      expect(codes).toEqual({ error: code, failure: null });
    },
  );

  it('says what it was given: message, field, record and delay', async () => {
    const { headers, error } = await answerTo(
      new Refusal('rate_limited', {
        message: 'Not now.',
        param: 'reqrun.priority',
        requestId: 'rr_mine',
        retryAfterSeconds: 7,
      }),
    );
    expect(error).toEqual({
      message: 'Not now.',
      type: 'rate_limit_error',
      param: 'reqrun.priority',
      code: 'rate_limited',
    });
    expect(headers).toMatchObject({ 'retry-after': '7', 'x-request-id': 'rr_mine' });
    expect(headers).not.toHaveProperty('x-should-retry');
  });

  it.each<[string, Refusal, number, Record<string, string>]>([
    ['too many at once', overloaded(), 503, { 'retry-after': '1', 'x-should-retry': 'true' }],
    ['Temporal away', unavailable(), 503, { 'retry-after': '2', 'x-should-retry': 'true' }],
    [
      'acceptance unknown of a request with a key',
      acceptanceUnknown('key', { shouldRetry: true, cause: null }),
      503,
      { 'retry-after': '2', 'x-should-retry': 'true', 'x-request-id': 'key' },
    ],
    [
      'acceptance unknown of a request without one, which would be another one if it were sent again',
      acceptanceUnknown('rr_id', { shouldRetry: false, cause: null }),
      503,
      { 'retry-after': '2', 'x-should-retry': 'false', 'x-request-id': 'rr_id' },
    ],
    [
      'a 4xx that may be sent again',
      new Refusal('not_found', { shouldRetry: true }),
      404,
      { 'x-should-retry': 'true' },
    ],
    [
      'no delay at all, which is a delay as well',
      new Refusal('overloaded', { retryAfterSeconds: 0 }),
      503,
      { 'retry-after': '0' },
    ],
  ])('tells an SDK whether and when to send again: %s', async (_what, refusal, status, headers) => {
    expect(await answerTo(refusal)).toMatchObject({ status, headers });
  });

  it.each([
    [
      'service_unavailable',
      unavailable(new TypeError('secret', { cause: new RangeError('deeper') })),
      'RangeError',
    ],
    [
      'acceptance_unknown',
      acceptanceUnknown('k', { shouldRetry: true, cause: Object.assign(new Error('secret'), { code: 14 }) }),
      'Error 14',
    ],
    ['service_unavailable', unavailable('secret'), null],
  ] as const)('of %s is logged by what it came of, without any message', async (code, refusal, cause) => {
    await answerTo(refusal);
    expect(logged()).toMatchObject([{ level: 40, code, cause, msg: 'Temporal did not answer' }]);
    expect(lines.slice(before).join('')).not.toMatch(/secret|deeper/);
  });

  it('of a payload that cannot be read is logged with the request and the key that is missing', async () => {
    const cause = Object.assign(new Error('secret'), { why: 'key not configured', keyId: 'k1' });
    await answerTo(new Refusal('payload_unreadable', { requestId: 'r', cause }));
    expect(logged()).toMatchObject([
      { level: 50, code: 'payload_unreadable', request_id: 'r', why: 'key not configured', key_id: 'k1' },
    ]);
    expect(lines.slice(before).join('')).not.toContain('secret');
  });

  it('of any other kind is the caller’s affair, and not logged here', async () => {
    await answerTo(new Refusal('invalid_value'));
    expect(logged()).toEqual([]);
  });

  it('answers an unknown path', async () => {
    expect(await get('/nowhere')).toMatchObject({ status: 404, error: { code: 'not_found' } });
    expect(codes).toEqual({ error: 'not_found', failure: null });
  });
});

describe('whatever else was thrown', () => {
  const withCode = (code: unknown): Error => Object.assign(new Error('secret'), { code });

  it.each([
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'unsupported_media_type'],
    ['FST_ERR_CTP_EMPTY_TYPE', 'unsupported_media_type'],
    ['FST_ERR_CTP_BODY_TOO_LARGE', 'request_too_large'],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 'invalid_json'],
    ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'invalid_request'],
    ['FST_ERR_BAD_URL', 'invalid_request'],
    ['FST_ERR_MAX_PARAM_LENGTH', 'uri_too_long'],
  ] as const)('is Fastify’s %s in our words: %s', async (fastifyCode, code) => {
    const { status, error } = await answerTo(withCode(fastifyCode));
    expect([status, error.code, error.message]).toEqual([
      ERROR_CATALOGUE[code].status,
      code,
      ERROR_CATALOGUE[code].meaning,
    ]);
  });

  it.each<[string, unknown]>([
    ['an error', new TypeError('secret')],
    ['an error with a code that nobody knows', withCode('ECONNRESET')],
    ['an error with a number for a code', withCode(7)],
    ['an error that would say its own status', Object.assign(new Error('secret'), { statusCode: 418 })],
    ['text', 'secret'],
    ['an object that looks like one of Fastify’s', { code: 'FST_ERR_BAD_URL' }],
  ])('is a fault of ours, told without details: %s', async (_what, thrown) => {
    const { status, headers, error } = await answerTo(thrown);
    const { status: expected, type, meaning } = FAILURES.internal_error;
    expect([status, error]).toEqual([
      expected,
      { message: meaning, type, param: null, code: 'internal_error' },
    ]);
    // It may have begun, or it may help: the SDKs decide for themselves, as with any 500.
    expect(headers).not.toHaveProperty('x-should-retry');
    expect(codes).toEqual({ error: 'internal_error', failure: null });
    expect(logged()).toMatchObject([{ level: 50, msg: 'unexpected error' }]);
    expect(lines.slice(before).join('')).not.toContain('secret');
  });

  it('keeps a refusal as it is, and its cause where it makes one', () => {
    const refusal = new Refusal('not_found');
    expect(toRefusal(refusal)).toBe(refusal);
    const cause = withCode('FST_ERR_BAD_URL');
    expect(toRefusal(cause)?.cause).toBe(cause);
    expect(toRefusal(null)).toBe(null);
  });
});

describe('a recorded failure', () => {
  it.each(Object.keys(FAILURES).filter(isFailureCode))(
    'with code %s is answered as catalogued',
    async (code) => {
      const { status, headers, error } = await answerOf({ code, message: 'So it ended.' });
      const { status: expected, type } = FAILURES[code];
      expect(status).toBe(expected);
      expect(error).toEqual({ message: 'So it ended.', type, param: null, code });
      expect(headers).toMatchObject({
        'content-type': 'application/json; charset=utf-8',
        'x-should-retry': 'false',
        'x-reqrun-error-code': code,
      });
      expect(codes).toEqual({ error: null, failure: code });
    },
  );

  it('has the words of the upstream in the envelope, and ours in a header', async () => {
    const { headers, error } = await answerOf({
      code: 'upstream_rejected',
      message: 'no',
      upstream_status: 400,
      upstream_code: 'context_length_exceeded',
      upstream_type: 'their_type',
      upstream_param: 'messages',
    });
    expect(error).toEqual({
      message: 'no',
      type: 'their_type',
      param: 'messages',
      code: 'context_length_exceeded',
    });
    expect(headers['x-reqrun-error-code']).toBe('upstream_rejected');
  });

  it.each<[string, number | null, number]>([
    ['upstream_rejected', 400, 400],
    ['upstream_rejected', 422, 422],
    ['upstream_rejected', 451, 451],
    ['upstream_rejected', 499, 499],
    ['upstream_rejected', null, 400],
    // Only what blames the request itself has the status of the upstream.
    ['upstream_rejected', 399, 400],
    ['upstream_rejected', 500, 400],
    ['upstream_not_found', 410, 404],
    ['upstream_auth_failed', 401, 502],
    ['upstream_server_error', 500, 502],
    ['upstream_overloaded', 529, 503],
  ])('%s of an upstream’s %s is answered with %s', async (code, upstream_status, status) => {
    expect((await answerOf({ code, upstream_status })).status).toBe(status);
  });

  it('with a code of a newer version is an internal error that keeps its own name', async () => {
    const { status, headers, error } = await answerOf({ code: 'of_tomorrow', message: 'new' });
    expect([status, error]).toEqual([
      500,
      { message: 'new', type: 'server_error', param: null, code: 'of_tomorrow' },
    ]);
    expect(headers['x-reqrun-error-code']).toBe('of_tomorrow');
    expect(codes.failure).toBe('internal_error');
  });
});

it('an envelope has the meaning of its code where no message is given', () => {
  const { type, meaning } = ERROR_CATALOGUE.not_found;
  expect(envelopeOf('not_found')).toEqual({
    error: { message: meaning, type, param: null, code: 'not_found' },
  });
  expect(envelopeOf('not_found', { message: '', param: 'id' }).error).toMatchObject({
    message: '',
    param: 'id',
  });
});
