import { describe, expect, it } from 'vitest';
import { errorOf, post, readRecord, unique } from '../support/api.ts';
import { ok } from '../support/scripted-upstream.ts';
import { UPSTREAM_ROWS, type UpstreamRow } from '../support/upstream-rows.ts';
import { useDeployment } from '../support/use-deployment.ts';

const { upstream, deployment } = await useDeployment();

const options = (row: UpstreamRow, more: object = {}): object => ({
  attempt_timeout_seconds: row.attemptTimeoutSeconds ?? 20,
  deadline_seconds: 120,
  ...more,
});

describe.concurrent('an upstream answer, all the way through the service', () => {
  const failures = UPSTREAM_ROWS.filter(({ code }) => code !== null);

  it.each(failures.filter(({ retry }) => retry === 'always'))(
    'row $row: $title is retried until it goes away, and its record says what it was',
    async (row) => {
      const model = unique(row.row);
      upstream.script(model, row.step, ok('at last'));
      const answer = await post(deployment.url, { model, wait: 60, reqrun: options(row) });
      expect(answer.status).toBe(200);
      expect(upstream.hits(model)).toHaveLength(2);
      const record = await readRecord(deployment.url, answer.headers.get('x-request-id') ?? '');
      expect(record).toMatchObject({ status: 'completed', attempts: 2, last_error_code: null });
      expect(record.attempt_log[0]).toMatchObject({
        status: 'failed',
        error_code: row.code,
        outcome: row.outcome,
      });
      const isUnknown = row.outcome === 'unknown' || row.outcome === 'lost';
      expect(record).toMatchObject({ unknown_attempts: isUnknown ? 1 : 0, possible_duplicate: isUnknown });
    },
  );

  it.each(failures.filter(({ retry }) => retry === 'twice'))(
    'row $row: $title is tried twice and no more',
    async (row) => {
      const model = unique(row.row);
      upstream.script(model, row.step);
      const answer = await post(deployment.url, { model, wait: 60, reqrun: options(row) });
      expect(answer.headers.get('x-should-retry')).toBe('false');
      expect(answer.headers.get('x-reqrun-error-code')).toBe(row.code);
      expect(upstream.hits(model)).toHaveLength(2);
      const record = await readRecord(deployment.url, answer.headers.get('x-request-id') ?? '');
      expect(record).toMatchObject({
        status: 'failed',
        attempts: 2,
        error: { reason: 'attempts_exhausted' },
      });
    },
  );

  it.each(failures.filter(({ retry }) => retry === 'never'))(
    'row $row: $title ends the request after one call, because another cannot help',
    async (row) => {
      const model = unique(row.row);
      upstream.script(model, row.step);
      const answer = await post(deployment.url, { model, wait: 60, reqrun: options(row) });
      expect(answer.headers.get('x-reqrun-error-code')).toBe(row.code);
      expect(errorOf(answer).message).not.toBe('');
      expect(upstream.hits(model)).toHaveLength(1);
      const record = await readRecord(deployment.url, answer.headers.get('x-request-id') ?? '');
      expect(record).toMatchObject({
        status: 'failed',
        attempts: 1,
        error: { code: row.code, reason: 'terminal' },
      });
    },
  );

  it.each(
    failures.filter(
      ({ retry, outcome }) => retry !== 'never' && (outcome === 'unknown' || outcome === 'lost'),
    ),
  )('row $row: $title is not called again where the caller wants at most one call', async (row) => {
    const model = unique(row.row);
    upstream.script(model, row.step, ok());
    const answer = await post(deployment.url, {
      model,
      wait: 60,
      reqrun: options(row, { on_unknown_outcome: 'fail' }),
    });
    expect(answer.status).toBe(502);
    expect(answer.headers.get('x-reqrun-error-code')).toBe('outcome_unknown');
    expect(upstream.hits(model)).toHaveLength(1);
    const record = await readRecord(deployment.url, answer.headers.get('x-request-id') ?? '');
    expect(record).toMatchObject({
      last_error_code: row.code,
      unknown_attempts: 1,
      possible_duplicate: false,
    });
  });

  it('row 39: a delay beyond the deadline ends the request at once and stands in its record', async () => {
    const model = unique('39');
    upstream.script(model, { answer: 429, headers: { 'retry-after': '300' }, body: { error: {} } });
    const answer = await post(deployment.url, { model, wait: 30, reqrun: { deadline_seconds: 60 } });
    expect(answer.status).toBe(429);
    expect(upstream.hits(model)).toHaveLength(1);
    const record = await readRecord(deployment.url, answer.headers.get('x-request-id') ?? '');
    expect(record.error).toMatchObject({
      code: 'upstream_rate_limited',
      reason: 'deadline_exceeded',
      retry_after_ms: 300_000,
    });
  });

  it.each([
    ['numbers that JSON lacks', '"pong","logprob":-Infinity,"n":[NaN,Infinity]'],
    ['bytes that are no UTF-8', '"caf\u00e9 \u00ff"'],
  ])(
    'row 8b: an answer with %s reaches the caller as it came, and its record is JSON',
    async (what, content) => {
      const model = unique('8b');
      const body = `{"id":"a","choices":[{"index":0,"message":{"role":"assistant","content":${content}},"finish_reason":"stop"}]}`;
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n';
      upstream.script(model, { raw: Buffer.from(head + body, 'latin1') });
      const response = await fetch(`${deployment.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], wait: 30 }),
      });
      expect([what, response.status]).toEqual([what, 200]);
      expect(Buffer.from(await response.arrayBuffer()).toString('latin1')).toBe(body);
      expect(upstream.hits(model)).toHaveLength(1);
      const record = await readRecord(deployment.url, response.headers.get('x-request-id') ?? '');
      expect(record).toMatchObject({ status: 'completed', attempts: 1, result: { id: 'a' } });
    },
  );

  it('never comes back earlier than the upstream said', async () => {
    const model = unique('early');
    upstream.script(model, { answer: 429, headers: { 'retry-after-ms': '1500' }, body: {} }, ok());
    await post(deployment.url, { model, wait: 30 });
    const [first, second] = upstream.hits(model);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_450);
  });

  it('stops at max_attempts and keeps the last failure as its error', async () => {
    const model = unique('max');
    upstream.script(model, { answer: 500, headers: { 'retry-after-ms': '20' }, body: {} });
    const answer = await post(deployment.url, { model, wait: 30, reqrun: { max_attempts: 3 } });
    expect(answer.headers.get('x-reqrun-error-code')).toBe('upstream_server_error');
    expect(upstream.hits(model)).toHaveLength(3);
    const record = await readRecord(deployment.url, answer.headers.get('x-request-id') ?? '');
    expect(record).toMatchObject({
      attempts: 3,
      error: { reason: 'attempts_exhausted' },
      unknown_attempts: 3,
    });
  });
});
