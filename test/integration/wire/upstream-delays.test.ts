/** Never called before the time that the upstream gave, in whatever form a provider documents. */
import { describe, expect, it } from 'vitest';
import { answer, bytes, driveRequest } from '../../support/drive-request.ts';

const at = (aheadMs: number): Date => new Date(Math.ceil((Date.now() + aheadMs) / 1000) * 1000);
const imf = (date: Date): string => date.toUTCString();
const asctime = (date: Date): string => {
  const [day = '', dd = '', month = '', year = '', time = ''] = date
    .toUTCString()
    .replace(',', '')
    .split(' ');
  return `${day} ${month} ${String(Number(dd)).padStart(2)} ${time} ${year}`;
};
const rfc850 = (date: Date): string => {
  const [, dd = '', month = '', year = '', time = ''] = date.toUTCString().replace(',', '').split(' ');
  const weekday = date.toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' });
  return `${weekday}, ${dd}-${month}-${year.slice(2)} ${time} GMT`;
};
const error = (fields: object): string => JSON.stringify({ error: { message: 'x', ...fields } });

async function delayAfter(status: number, headers: readonly string[], body = error({})): Promise<number> {
  const { delaysMs } = await driveRequest([bytes(answer(status, body, ...headers))], { maxCalls: 1 });
  return delaysMs[0] ?? NaN;
}

describe('a date', () => {
  it.each<[string, (date: Date) => string]>([
    ['IMF', imf],
    ['RFC 850', rfc850],
    ['asctime', asctime],
  ])('of the form %s is waited for', async (_title, form) => {
    const date = at(4_000);
    const delay = await delayAfter(429, [`retry-after: ${form(date)}`]);
    expect(delay).toBeGreaterThan(2_500);
    expect(delay).toBeLessThanOrEqual(5_000);
  });

  it.each<[string, (date: Date) => string]>([
    ['IMF', imf],
    ['RFC 850', rfc850],
    ['asctime', asctime],
  ])('of the form %s in the past is ignored', async (_title, form) => {
    expect(await delayAfter(429, [`retry-after: ${form(new Date(784_111_777_000))}`])).toBe(1_000);
  });
});

describe('of several values', () => {
  it.each<[string, readonly string[], number]>([
    ['the header twice', ['retry-after: 3', 'retry-after: 7'], 7_000],
    ['the longer first', ['retry-after: 7', 'retry-after: 3'], 7_000],
    ['one unreadable', ['retry-after: soon', 'retry-after: 7'], 7_000],
    ['a list', ['retry-after: 3, 9'], 9_000],
    ['ms and seconds', ['retry-after-ms: 2500', 'retry-after: 7'], 7_000],
    ["Azure's ms", ['x-ms-retry-after-ms: 8500', 'retry-after: 7'], 8_500],
    [
      'a reset beside it',
      ['retry-after: 3', 'x-ratelimit-reset-requests: 6s', 'x-ratelimit-remaining-requests: 0'],
      6_000,
    ],
  ])('the longest counts: %s', async (_title, headers, ms) => {
    expect(await delayAfter(429, headers)).toBe(ms);
  });
});

describe('a reset header', () => {
  it.each<[string, readonly string[], number]>([
    ['OpenAI', ['x-ratelimit-reset-requests: 6m0s', 'x-ratelimit-remaining-requests: 0'], 360_000],
    ['OpenAI, both', ['x-ratelimit-reset-requests: 2s', 'x-ratelimit-reset-tokens: 1m30.5s'], 90_500],
    ['Groq', ['x-ratelimit-reset-tokens: 7.66s', 'x-ratelimit-remaining-tokens: 0'], 7_660],
    ['Azure', ['x-ratelimit-reset-tokens: 12'], 12_000],
    ['Cerebras', ['x-ratelimit-reset-tokens-minute: 31.5', 'x-ratelimit-remaining-tokens-minute: 0'], 31_500],
    ['Cerebras, with its decimals', ['x-ratelimit-reset-tokens-minute: 11.382867097854614'], 11_383],
    ['the draft', ['ratelimit-reset: 9', 'ratelimit-remaining: 0'], 9_000],
    ['the draft in one', ['ratelimit: limit=10, remaining=0, reset=9'], 9_000],
    ['the later draft', ['ratelimit: "default";r=0;t=9'], 9_000],
    ['too few tokens left', ['x-ratelimit-reset-tokens: 4s', 'x-ratelimit-remaining-tokens: 120'], 4_000],
  ])('is a floor: %s', async (_title, headers, ms) => {
    expect(await delayAfter(429, headers)).toBe(ms);
  });

  it.each<[string, () => string]>([
    ['Anthropic', () => `anthropic-ratelimit-input-tokens-reset: ${at(4_000).toISOString()}`],
    ['OpenRouter', () => `x-ratelimit-reset: ${at(4_000).getTime()}`],
    ['Unix seconds', () => `x-ratelimit-reset: ${at(4_000).getTime() / 1000}`],
  ])('is a floor as a time: %s', async (_title, header) => {
    const delay = await delayAfter(429, [header()]);
    expect(delay).toBeGreaterThan(2_500);
    expect(delay).toBeLessThanOrEqual(5_000);
  });

  it.each<[string, number, readonly string[]]>([
    [
      'that is not exhausted',
      429,
      ['x-ratelimit-reset-requests: 6m0s', 'x-ratelimit-remaining-requests: 99'],
    ],
    ['of a server error', 500, ['x-ratelimit-reset-tokens: 6m0s', 'x-ratelimit-remaining-tokens: 99']],
    ['that cannot be read', 429, ['x-ratelimit-reset-requests: tomorrow']],
    ['in the past', 429, ['x-ratelimit-reset: 1700000000']],
  ])('does not hold back: %s', async (_title, status, headers) => {
    expect(await delayAfter(status, headers)).toBe(1_000);
  });

  it('does not hold back after an overload where it is not exhausted', async () => {
    const headers = ['x-ratelimit-reset-tokens: 6m0s', 'x-ratelimit-remaining-tokens: 99'];
    expect(await delayAfter(529, headers)).toBe(5_000);
  });
});

describe('a delay in the body', () => {
  it.each<[string, number, string, number]>([
    ['OpenAI', 429, error({ message: 'Rate limit reached. Please try again in 6m0s. Visit' }), 360_000],
    ['OpenAI, ms', 429, error({ message: 'Please try again in 2076ms.' }), 2_076],
    ['Groq', 429, error({ message: 'Please try again in 7.66s. Need more tokens?' }), 7_660],
    ['Azure', 429, error({ code: '429', message: 'Please retry after 26 seconds.' }), 26_000],
    ['LiteLLM', 429, error({ message: 'No deployments available, Try again in 60 seconds.' }), 60_000],
    [
      'Google',
      429,
      `[${error({ details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '36s' }] })}]`,
      36_000,
    ],
    ['Hugging Face', 503, '{"error":"Model m is currently loading","estimated_time":20.5}', 20_500],
    ['OpenRouter', 429, error({ metadata: { retry_after_seconds: 11 } }), 11_000],
    ['Cloudflare', 429, '{"type":"about:blank","title":"x","retry_after":30}', 30_000],
    ['Cloudflare, of its own gateway error', 524, '{"title":"x","status":524,"retry_after":120}', 120_000],
    [
      'GitHub Models',
      429,
      error({ message: 'Rate limit exceeded. Please wait 42 seconds before retrying.' }),
      42_000,
    ],
    ['Google, a quota', 429, error({ message: 'Your quota will reset after 1m3s.' }), 63_000],
    ['a plain text', 429, 'Too many requests. Try again in 15 seconds.', 15_000],
    ['ms by name', 429, error({ retry_after_ms: 2_500 }), 2_500],
    ['inside a 200', 200, '{"error":{"code":429,"message":"Please try again in 20s."}}', 20_000],
  ])('is a floor: %s', async (_title, status, body, ms) => {
    expect(await delayAfter(status, [], body)).toBe(ms);
  });

  it('is a floor as a time: OpenRouter', async () => {
    const reset = at(4_000).getTime();
    const body = error({ code: 429, metadata: { headers: { 'X-RateLimit-Reset': String(reset) } } });
    expect(await delayAfter(429, [], body)).toBeGreaterThan(2_500);
  });
});

describe('a told delay', () => {
  it('is not overruled by a reset of what is not exhausted', async () => {
    const body = error({ message: 'Please try again in 2076ms.' });
    const headers = ['x-ratelimit-reset-tokens: 6m0s', 'x-ratelimit-remaining-tokens: 99'];
    expect(await delayAfter(429, headers, body)).toBe(2_076);
  });

  it('is not the time until the whole limit is free, where the answer names a delay', async () => {
    const full = [
      'x-ratelimit-limit-requests: 600',
      'x-ratelimit-remaining-requests: 0',
      'x-ratelimit-reset-requests: 59.9s',
    ];
    expect(await delayAfter(429, ['retry-after-ms: 1500', ...full])).toBe(1_500);
    expect(await delayAfter(429, full)).toBe(59_900);
  });

  it('does not replace backing off', async () => {
    const { delaysMs } = await driveRequest([bytes(answer(429, error({}), 'retry-after: 2'))], {
      maxCalls: 5,
    });
    expect(delaysMs).toEqual([2_000, 2_000, 4_000, 8_000, 16_000]);
  });

  it('beyond the deadline ends the request, in whatever form it comes', async () => {
    for (const headers of [
      ['retry-after: 61'],
      ['x-ratelimit-reset-requests: 2m0s', 'x-ratelimit-remaining-requests: 0'],
    ]) {
      const driven = await driveRequest([bytes(answer(429, error({}), ...headers))], { deadlineMs: 60_000 });
      expect(driven).toMatchObject({
        hits: 1,
        error: { code: 'upstream_rate_limited', reason: 'deadline_exceeded' },
      });
    }
  });
});
