import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBucket } from '../support/limited-upstream/bucket.ts';
import { readCallBody } from '../support/limited-upstream/call-body.ts';
import { seriesOf } from '../support/limited-upstream/call-log.ts';
import { createLimitedModel } from '../support/limited-upstream/limited-model.ts';
import { type LimitedUpstream, startLimitedUpstream } from '../support/limited-upstream/limited-upstream.ts';
import { formatDuration } from '../support/limited-upstream/rate-limit-headers.ts';

const call = (tokens = 1) => ({ model: 'm', user: null, tokens });
/** Ten calls a second, ten at once. */
const TEN = { perMinute: 600, capacity: 10 };

describe('a bucket', () => {
  it('fills evenly up to its capacity', () => {
    const bucket = createBucket({ ...TEN, initial: 0 }, 0);
    expect(bucket.level(250)).toBeCloseTo(2.5);
    expect(bucket.level(60_000)).toBe(10);
    expect(bucket.untilHasMs(1, 50)).toBeCloseTo(50);
    expect(bucket.untilHasMs(11, 0)).toBe(Infinity);
  });

  it('holds the units of a minute unless a capacity is set', () => {
    expect(createBucket({ perMinute: 600 }, 0).level(0)).toBe(600);
    expect(createBucket({ perMinute: 600, initial: 10 }, 0).untilHasMs(600, 0)).toBe(59_000);
  });

  it('never falls below empty', () => {
    const bucket = createBucket({ ...TEN, initial: 1 }, 0);
    bucket.take(5, 0);
    expect(bucket.level(100)).toBeCloseTo(1);
  });

  it('owes units down to the debt that is allowed', () => {
    const bucket = createBucket({ ...TEN, initial: 0, debt: 3 }, 0);
    bucket.take(5, 0);
    expect(bucket.level(0)).toBe(-3);
    expect(bucket.untilHasMs(1, 0)).toBeCloseTo(400);
  });

  it('keeps its level when the limit changes', () => {
    const bucket = createBucket({ ...TEN, initial: 4 }, 0).changed({ perMinute: 200, capacity: 10 }, 100);
    expect(bucket.level(100)).toBeCloseTo(5);
    expect(bucket.level(400)).toBeCloseTo(6);
  });
});

describe('a duration in a header', () => {
  it.each([
    [0, '0ms'],
    [75.2, '76ms'],
    [1_500, '1.5s'],
    [59_100, '59.1s'],
    [360_000, '6m0s'],
    [3_630_000, '1h0m30s'],
  ])('of %d ms is written as OpenAI writes it: %s', (ms, written) => {
    expect(formatDuration(ms)).toBe(written);
  });
});

describe('a limited model', () => {
  it('shows the limit, what remains of it, and the time until the bucket is full', () => {
    const model = createLimitedModel({ requests: { perMinute: 600, initial: 10 } }, 0);
    expect(model.admit(call(), 0)).toMatchObject({
      refused: false,
      afterMs: 300,
      headers: {
        'x-ratelimit-limit-requests': '600',
        'x-ratelimit-remaining-requests': '9',
        'x-ratelimit-reset-requests': '59.1s',
      },
    });
  });

  it('reports the rest of the minute if its provider enforces shorter times without a word', () => {
    const model = createLimitedModel({ requests: { ...TEN, initial: 1 }, headers: 'minute' }, 0);
    const { headers } = model.admit(call(), 0);
    expect(headers).toMatchObject({
      'x-ratelimit-remaining-requests': '590',
      'x-ratelimit-reset-requests': '1s',
    });
  });

  it('refuses with the delay until the next call fits', () => {
    const model = createLimitedModel({ requests: { ...TEN, initial: 0 }, refusedCallsCount: false }, 0);
    const verdict = model.admit(call(), 40);
    expect(verdict).toMatchObject({ refused: true, headers: { 'retry-after': '1', 'retry-after-ms': '60' } });
    expect(verdict.body).toContain('Please try again in 60ms');
    expect(model.admit(call(), 100).refused).toBe(false);
  });

  it.each([
    ['lets ten a second through if refused calls do not count', false, 20],
    ['lets nothing through if they count and come faster than the bucket fills', true, 0],
  ])('%s', (_, refusedCallsCount, answered) => {
    const model = createLimitedModel({ requests: { ...TEN, initial: 0 }, refusedCallsCount }, 0);
    const verdicts = Array.from({ length: 101 }, (_, nth) => model.admit(call(), nth * 20).refused);
    expect(verdicts.filter((refused) => !refused)).toHaveLength(answered);
  });

  it('shows nothing at all without headers', () => {
    const model = createLimitedModel({ requests: { ...TEN, initial: 1 }, headers: 'none' }, 0);
    expect(model.admit(call(), 0).headers).toEqual({});
    const { refused, headers, body } = model.admit(call(), 0);
    expect({ refused, headers }).toEqual({ refused: true, headers: {} });
    expect(body).not.toMatch(/\d+m?s\b/);
  });

  it('charges tokens, and takes none of them for a refused call', () => {
    const model = createLimitedModel({ tokens: { perMinute: 60_000, initial: 8_000 } }, 0);
    expect(model.admit(call(7_900), 0).headers).toMatchObject({ 'x-ratelimit-remaining-tokens': '100' });
    expect(model.admit(call(200), 0)).toMatchObject({ refused: true, headers: { 'retry-after-ms': '100' } });
    expect(model.admit(call(200), 100).refused).toBe(false);
  });

  it('names no delay for a call that is larger than the limit', () => {
    const model = createLimitedModel({ tokens: { perMinute: 6_000 } }, 0);
    const { headers, body } = model.admit(call(8_000), 0);
    expect(headers['retry-after']).toBeUndefined();
    expect(body).toContain('Request too large');
  });
});

describe('what the upstream reads and counts', () => {
  it('estimates tokens from the size of the body, unless they are marked', () => {
    const text = JSON.stringify({ model: 'm', user: 'u', max_completion_tokens: 16, messages: [] });
    expect(readCallBody(text)).toEqual({ model: 'm', user: 'u', tokens: Math.ceil(text.length / 4) + 16 });
    expect(readCallBody('{"model":"m","messages":[{"content":"[tokens=8000]"}]}').tokens).toBe(8_000);
  });

  it('counts calls by second without gaps', () => {
    const at = (atMs: number, refused = false) => ({ atMs, refused, user: null });
    expect(seriesOf([at(1_000), at(1_999, true), at(3_000)])).toEqual([
      { second: 0, received: 2, refused: 1 },
      { second: 1, received: 0, refused: 0 },
      { second: 2, received: 1, refused: 0 },
    ]);
  });
});

describe('the limited upstream', () => {
  let upstream: LimitedUpstream;
  beforeAll(async () => (upstream = await startLimitedUpstream()));
  afterAll(() => upstream.close());
  const post = (model: string) =>
    fetch(`${upstream.baseURL}/chat/completions`, { method: 'POST', body: JSON.stringify({ model }) });

  it('lets models share a limit that changes at run time', async () => {
    const limits = { requests: { perMinute: 1, capacity: 1, initial: 1 }, callMs: 0 };
    upstream.limit(['one', 'other'], limits);
    expect((await post('one')).status).toBe(200);
    expect((await post('other')).status).toBe(429);
    upstream.limit(['one', 'other'], { requests: null, callMs: 0 });
    expect((await post('other')).status).toBe(200);
    expect(upstream.counts('other')).toMatchObject({ received: 2, answered: 1, refused: 1 });
    expect(upstream.calls('other').map(({ refused }) => refused)).toEqual([true, false]);
  });
});
