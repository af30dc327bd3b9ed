import type { FailureCode } from '../../src/domain/error-catalogue.ts';
import type { Outcome } from '../../src/domain/vocabulary.ts';
import type { Retry } from '../../src/domain/upstream-failure.ts';
import { completion, ok, type Step } from './scripted-upstream.ts';

/** One row of the table of upstream answers: what the upstream does, and what that means. */
export interface UpstreamRow {
  readonly row: string;
  readonly title: string;
  readonly step: Step;
  /** Null = a success. */
  readonly code: FailureCode | null;
  readonly outcome: Outcome;
  readonly retry: Retry;
  /** Where it differs from the catalogue's. */
  readonly attemptTimeoutSeconds?: number;
}

type Meaning = readonly [code: FailureCode | null, outcome: Outcome, retry: Retry];

const row = (number: string, title: string, step: Step, [code, outcome, retry]: Meaning): UpstreamRow => ({
  row: number,
  title,
  step,
  code,
  outcome,
  retry,
});
const refusal = (
  number: string,
  status: number,
  meaning: Meaning,
  title: string,
  error: object = {},
  headers: Record<string, string> = {},
): UpstreamRow =>
  row(number, title, { answer: status, headers, body: { error: { message: 'no', ...error } } }, meaning);

const done: Meaning = [null, 'completed', 'never'];
const rejected: Meaning = ['upstream_rejected', 'rejected', 'never'];
const limited: Meaning = ['upstream_rate_limited', 'not_run', 'always'];
const quota: Meaning = ['upstream_quota_exhausted', 'not_run', 'never'];
const overloaded: Meaning = ['upstream_overloaded', 'not_run', 'always'];
const brokenOff: Meaning = ['upstream_error_in_body', 'lost', 'always'];
const gateway: Meaning = ['upstream_gateway_error', 'unknown', 'always'];
const invalid = (outcome: Outcome, retry: Retry): Meaning => ['upstream_invalid_response', outcome, retry];
const html = { 'content-type': 'text/html' };
const stream = { 'content-type': 'text/event-stream' };
const json = (body: unknown, headers: Record<string, string> = {}): Step => ({ answer: 200, body, headers });
const choice = (fields: object): Step =>
  json({ object: 'chat.completion', choices: [{ index: 0, ...fields }] });
const finished = (finish: string): Step => json(completion({ finish }));
const raw = (status: string): Step => ({
  raw: `HTTP/1.1 ${status}\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}`,
});

/** Rows whose fault is on the wire of a server that answers; the others have tests of their own. */
export const UPSTREAM_ROWS: readonly UpstreamRow[] = [
  row('5', 'a reset after the request was sent', { reset: 'before the answer' }, [
    'upstream_connection_lost',
    'unknown',
    'always',
  ]),
  {
    ...row('6', 'no headers within the attempt', { stall: 'headers' }, [
      'upstream_timeout',
      'unknown',
      'always',
    ]),
    attemptTimeoutSeconds: 1,
  },
  row('7', 'a reset within the body', { reset: 'in the body' }, ['upstream_response_lost', 'lost', 'always']),
  {
    ...row('7b', 'a stall within the body', { stall: 'body' }, ['upstream_response_lost', 'lost', 'always']),
    attemptTimeoutSeconds: 1,
  },
  row(
    '8',
    'a body shorter than its length',
    { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"id":1' },
    ['upstream_response_lost', 'lost', 'always'],
  ),
  row('8b', 'whole and malformed JSON', json('{"id":"x","choices":[{'), invalid('lost', 'twice')),
  row(
    '8c',
    'a head that is no HTTP',
    { raw: 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}' },
    invalid('lost', 'twice'),
  ),
  row(
    '8d',
    'a non-finite number',
    json(JSON.stringify(completion()).replace('"created":1', '"created":NaN')),
    done,
  ),
  row('9', 'HTML with a 200', json('<html>proxy</html>', html), invalid('unknown', 'twice')),
  row('10', 'an empty 200', json(''), invalid('unknown', 'twice')),
  row('10b', 'a queue closed before inference', json('\n\n\n'), ['upstream_overloaded', 'unknown', 'always']),
  row('10c', 'a 204', { answer: 204 }, invalid('unknown', 'twice')),
  row('11', 'JSON with the wrong content type', json(completion(), html), done),
  row('12', 'a 200 with a billing error inside', json({ error: { code: 'insufficient_quota' } }), [
    'upstream_error_in_body',
    'unknown',
    'never',
  ]),
  row('12b', 'a 200 with a rate limit inside', json({ error: { code: 429 } }), [
    'upstream_error_in_body',
    'unknown',
    'always',
  ]),
  row('13', 'a 200 without choices', json({ choices: [] }), invalid('unknown', 'twice')),
  row('14', 'a choice that carries an error', choice({ error: { code: 'x' }, message: {} }), [
    'upstream_error_in_body',
    'lost',
    'always',
  ]),
  row('14b', 'finish_reason error', choice({ finish_reason: 'error', message: { content: 'a' } }), [
    'upstream_error_in_body',
    'lost',
    'always',
  ]),
  row('15', 'a choice without content and end', choice({ finish_reason: null, message: { content: null } }), [
    'upstream_incomplete',
    'unknown',
    'twice',
  ]),
  row('16', 'finish_reason stop', ok(), done),
  row(
    '16b',
    'finish_reason tool_calls',
    choice({ finish_reason: 'tool_calls', message: { content: null, tool_calls: [{}] } }),
    done,
  ),
  row('17', 'finish_reason length', finished('length'), done),
  row('18', 'finish_reason content_filter', finished('content_filter'), done),
  row('19', 'an unknown finish_reason', finished('cosmic_ray'), done),
  row('19b', 'a result that DeepSeek broke off', finished('insufficient_system_resource'), brokenOff),
  row('19c', 'a result that Zhipu broke off', finished('network_error'), brokenOff),
  row('20', 'an event stream with an error', json('event: error\ndata: {"error":{}}\n\n', stream), [
    'upstream_error_in_stream',
    'lost',
    'always',
  ]),
  row('20b', 'an event stream with a rate limit first', json('data: {"error":{"code":429}}\n\n', stream), [
    'upstream_error_in_stream',
    'not_run',
    'always',
  ]),
  row('21', 'an event stream that breaks off', json('data: {"choices":[]}\n\n', stream), [
    'upstream_stream_truncated',
    'lost',
    'always',
  ]),
  row('22', 'a redirect', { answer: 307, headers: { location: '/v1/elsewhere' } }, [
    'upstream_redirect',
    'rejected',
    'never',
  ]),
  row('22b', 'a 302', { answer: 302, headers: { location: '/v1/elsewhere' } }, [
    'upstream_redirect',
    'unknown',
    'never',
  ]),
  refusal('23', 400, rejected, 'context_length_exceeded', { code: 'context_length_exceeded' }),
  refusal('23b', 400, ['upstream_rejected', 'lost', 'twice'], 'a refusal with a piece of the output', {
    code: 'tool_use_failed',
    failed_generation: '<function=',
  }),
  refusal('24', 400, rejected, 'a 400 that speaks of rate limits', { message: 'rate limit reached' }),
  refusal('25', 401, ['upstream_auth_failed', 'rejected', 'never'], 'a 401'),
  refusal('25 (403)', 403, ['upstream_auth_failed', 'rejected', 'never'], 'a 403'),
  refusal('25b', 403, rejected, 'a 403 for the content', { message: 'Content violates usage guidelines.' }),
  refusal('25 (407)', 407, ['upstream_auth_failed', 'rejected', 'never'], 'a 407, of a proxy'),
  refusal('26', 402, ['upstream_quota_exhausted', 'rejected', 'never'], 'a 402'),
  refusal(
    '27',
    402,
    ['upstream_rate_limited', 'rejected', 'always'],
    'a 402 with Retry-After',
    {},
    { 'retry-after': '1' },
  ),
  refusal('28', 404, ['upstream_not_found', 'rejected', 'never'], 'an unknown model', {
    code: 'model_not_found',
  }),
  ...[405, 406, 410, 411, 415, 451, 418].map((status) =>
    refusal(`29 (${status})`, status, rejected, `a ${status}`),
  ),
  refusal('30', 408, ['upstream_timeout', 'unknown', 'always'], 'a 408'),
  refusal('31', 409, ['upstream_conflict', 'not_run', 'twice'], 'a 409'),
  refusal('32', 413, rejected, 'a 413'),
  refusal('32b', 421, ['upstream_unreachable', 'rejected', 'twice'], 'a 421, from somewhere else'),
  refusal('33', 422, rejected, 'a 422'),
  refusal('34', 424, ['upstream_rejected', 'unknown', 'never'], 'a 424'),
  refusal(
    '35',
    429,
    limited,
    'a 429 with a delay',
    { code: 'rate_limit_exceeded' },
    { 'retry-after-ms': '20' },
  ),
  refusal('36', 429, limited, 'slow_down', { code: 'slow_down' }, { 'retry-after-ms': '20' }),
  refusal('37', 429, quota, 'insufficient_quota', { code: 'insufficient_quota', type: 'insufficient_quota' }),
  refusal('37a', 429, quota, 'billing by its type', { code: '429', type: 'budget_exceeded' }),
  refusal('37b', 429, ['upstream_rate_limited', 'not_run', 'few'], 'larger than the whole limit', {
    code: 'rate_limit_exceeded',
    type: 'tokens',
    message: 'Request too large: Limit 30000, Requested 45411.',
  }),
  row('38', 'a 429 with an unreadable body', { answer: 429, body: '<oops', headers: html }, limited),
  refusal('40', 498, overloaded, 'a 498'),
  refusal('40 (529)', 529, overloaded, 'a 529'),
  refusal('40 (503)', 503, overloaded, 'a 503', { message: 'The engine is currently overloaded.' }),
  row('40b', "a proxy's 503", { answer: 503, body: 'upstream connect error', headers: html }, gateway),
  refusal('41', 499, ['upstream_connection_lost', 'unknown', 'always'], 'a 499'),
  refusal('42', 500, ['upstream_server_error', 'unknown', 'always'], 'a 500'),
  ...[502, 504, 520, 524, 527, 530].map((status) =>
    refusal(`43 (${status})`, status, gateway, `a ${status}`),
  ),
  refusal('44', 507, ['upstream_server_error', 'unknown', 'twice'], 'another 5xx'),
  row('44b', 'a status beyond 599', raw('999 Strange'), ['upstream_server_error', 'unknown', 'twice']),
  refusal(
    '45',
    500,
    ['upstream_server_error', 'unknown', 'never'],
    'x-should-retry: false',
    {},
    { 'x-should-retry': 'false' },
  ),
  refusal(
    '46',
    409,
    ['upstream_conflict', 'not_run', 'always'],
    'x-should-retry: true',
    {},
    { 'x-should-retry': 'true' },
  ),
  refusal(
    '46b',
    401,
    ['upstream_auth_failed', 'rejected', 'never'],
    'x-should-retry: true on a hard no',
    {},
    { 'x-should-retry': 'true' },
  ),
  row('47', 'a decompression bomb', { gzipBombBytes: 50_000_000 }, [
    'upstream_response_too_large',
    'lost',
    'never',
  ]),
];
