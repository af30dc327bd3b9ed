import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LimitReport, type LimitState, NO_REPORT } from '../../src/domain/lane.ts';
import { readLimits } from '../../src/upstream/limit-headers.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const read = (headers: Record<string, string>): LimitReport => readLimits(new Headers(headers), NOW_MS);
const state = (limit: number | null, remaining: number | null, resetMs: number | null): LimitState => ({
  limit,
  remaining,
  resetMs,
});
/** Three headers of one limit, where a name may be `x-ratelimit-*-requests`. */
const three = (name: string, limit: string, remaining: string, reset: string): Record<string, string> => ({
  [name.replace('*', 'limit')]: limit,
  [name.replace('*', 'remaining')]: remaining,
  [name.replace('*', 'reset')]: reset,
});

interface Row {
  readonly upstream: string;
  readonly headers: Record<string, string>;
  readonly requests?: LimitState;
  readonly tokens?: LimitState;
}

const ROWS: readonly Row[] = [
  {
    upstream: 'OpenAI',
    headers: {
      ...three('x-ratelimit-*-requests', '60', '59', '1s'),
      ...three('x-ratelimit-*-tokens', '150000', '149984', '6m0s'),
    },
    requests: state(60, 59, 1_000),
    tokens: state(150_000, 149_984, 360_000),
  },
  {
    upstream: 'OpenAI, within a second',
    headers: {
      ...three('x-ratelimit-*-requests', '5000', '4999', '12ms'),
      ...three('x-ratelimit-*-tokens', '160000', '159976', '9ms'),
    },
    requests: state(5_000, 4_999, 12),
    tokens: state(160_000, 159_976, 9),
  },
  {
    upstream: 'OpenAI, a project with less left',
    headers: {
      ...three('x-ratelimit-*-tokens', '150000', '149984', '6m0s'),
      ...three('x-ratelimit-*-project-tokens', '60000', '57000', '3s'),
    },
    tokens: state(60_000, 57_000, 3_000),
  },
  {
    upstream: 'Azure OpenAI, only remaining',
    headers: { 'x-ratelimit-remaining-requests': '119', 'x-ratelimit-remaining-tokens': '119953' },
    requests: state(null, 119, null),
    tokens: state(null, 119_953, null),
  },
  {
    upstream: 'Azure OpenAI, whose token limit is not known',
    headers: three('x-ratelimit-*-tokens', '-1', '-1', '0'),
  },
  {
    upstream: 'GitHub Models',
    headers: {
      ...three('x-ratelimit-*-requests', '20000', '19999', '3'),
      ...three('x-ratelimit-*-tokens', '2000000', '1999967', '0'),
      'x-ratelimit-renewalperiod-requests': '60',
      'x-ratelimit-renewalperiod-tokens': '60',
    },
    requests: state(20_000, 19_999, 3_000),
    tokens: state(2_000_000, 1_999_967, 0),
  },
  {
    upstream: 'Groq, requests of a day',
    headers: {
      ...three('x-ratelimit-*-requests', '14400', '14370', '2m59.56s'),
      ...three('x-ratelimit-*-tokens', '18000', '17997', '7.66s'),
    },
    requests: state(14_400, 14_370, 179_560),
    tokens: state(18_000, 17_997, 7_660),
  },
  {
    upstream: 'Anthropic, with all limits full',
    headers: {
      ...three('anthropic-ratelimit-requests-*', '1000', '999', '2026-01-02T03:04:04Z'),
      ...three('anthropic-ratelimit-tokens-*', '96000', '96000', '2026-01-02T03:04:05Z'),
      ...three('anthropic-ratelimit-input-tokens-*', '80000', '80000', '2026-01-02T03:04:05Z'),
      ...three('anthropic-ratelimit-output-tokens-*', '16000', '16000', '2026-01-02T03:04:05Z'),
    },
    requests: state(1_000, 999, 0),
    tokens: state(96_000, 96_000, 0),
  },
  {
    upstream: 'Anthropic, with the least of the output tokens left',
    headers: {
      ...three('anthropic-ratelimit-tokens-*', '96000', '84000', '2026-01-02T03:04:12Z'),
      ...three('anthropic-ratelimit-input-tokens-*', '80000', '80000', '2026-01-02T03:04:05Z'),
      ...three('anthropic-ratelimit-output-tokens-*', '16000', '4000', '2026-01-02T03:04:50+00:00'),
    },
    tokens: state(96_000, 24_000, 45_000),
  },
  {
    upstream: 'Anthropic, with no input tokens left',
    headers: {
      ...three('anthropic-ratelimit-tokens-*', '96000', '16000', '2026-01-02T03:04:55Z'),
      ...three('anthropic-ratelimit-input-tokens-*', '80000', '0', '2026-01-02T03:05:05Z'),
      ...three('anthropic-ratelimit-output-tokens-*', '16000', '16000', '2026-01-02T03:04:05Z'),
    },
    tokens: state(96_000, 0, 60_000),
  },
  {
    upstream: 'Anthropic, under a limit of the workspace',
    headers: {
      ...three('anthropic-ratelimit-tokens-*', '10000', '1000', '2026-01-02T03:04:55Z'),
      ...three('anthropic-ratelimit-input-tokens-*', '80000', '40000', '2026-01-02T03:04:35Z'),
    },
    tokens: state(10_000, 1_000, 50_000),
  },
  {
    upstream: 'Anthropic, a subscription, whose limits are not of requests or tokens',
    headers: {
      'anthropic-ratelimit-unified-5h-reset': '1767323045',
      'anthropic-ratelimit-unified-limit': '9',
    },
  },
  {
    upstream: 'Cerebras',
    headers: {
      ...three('x-ratelimit-*-requests-day', '14400', '14380', '33011.382867097855'),
      ...three('x-ratelimit-*-tokens-minute', '60000', '8298', '11.382867097854614'),
    },
    requests: state(14_400, 14_380, 33_011_383),
    tokens: state(60_000, 8_298, 11_383),
  },
  {
    upstream: 'Cerebras, with less left of the day than of the minute',
    headers: {
      ...three('x-ratelimit-*-tokens-minute', '60000', '60000', '0'),
      ...three('x-ratelimit-*-tokens-day', '1000000', '4000', '33011.4'),
    },
    tokens: state(1_000_000, 4_000, 33_011_400),
  },
  {
    upstream: 'Mistral',
    headers: {
      'x-ratelimit-limit-req-minute': '720',
      'x-ratelimit-remaining-req-minute': '717',
      'x-ratelimit-limit-tokens-minute': '50000',
      'x-ratelimit-remaining-tokens-minute': '47196',
      'x-ratelimit-limit-tokens-month': '4000000',
      'x-ratelimit-remaining-tokens-month': '3950246',
      'x-ratelimit-tokens-query-cost': '52',
    },
    requests: state(720, 717, null),
    tokens: state(50_000, 47_196, null),
  },
  {
    upstream: 'Mistral, earlier',
    headers: {
      ...three('ratelimitbysize-*', '500000', '499900', '28'),
      'ratelimitbysize-query-cost': '100',
      'x-ratelimitbysize-limit-month': '1000000000',
      'x-ratelimitbysize-remaining-month': '999000000',
      'x-ratelimitbysize-limit-minute': '500000',
      'x-ratelimitbysize-remaining-minute': '499900',
    },
    tokens: state(500_000, 499_900, 28_000),
  },
  {
    upstream: 'Together',
    headers: {
      ...three('x-ratelimit-*', '10', '9', '1'),
      'x-ratelimit-limit-dynamic': '4',
      'x-ratelimit-remaining-dynamic': '2',
      'x-tokenlimit-limit': '3000',
      'x-tokenlimit-remaining': '2900',
    },
    requests: state(4, 2, null),
    tokens: state(3_000, 2_900, null),
  },
  {
    upstream: 'Fireworks',
    headers: {
      'x-ratelimit-limit-requests': '120',
      'x-ratelimit-remaining-requests': '118',
      'x-ratelimit-limit-tokens-prompt': '7200000',
      'x-ratelimit-remaining-tokens-prompt': '7193993',
      'x-ratelimit-limit-tokens-generated': '72000',
      'x-ratelimit-remaining-tokens-generated': '54000',
      'x-ratelimit-over-limit': 'no',
    },
    requests: state(120, 118, null),
    tokens: state(7_272_000, 5_454_000, null),
  },
  {
    upstream: 'OpenRouter',
    headers: three('X-RateLimit-*', '20', '0', String(NOW_MS + 42_000)),
    requests: state(20, 0, 42_000),
  },
  {
    upstream: 'a gateway with Unix seconds',
    headers: three('x-ratelimit-*', '60', '57', String(NOW_MS / 1000 + 30)),
    requests: state(60, 57, 30_000),
  },
  {
    upstream: 'a gateway with an HTTP date',
    headers: three('x-rate-limit-*', '60', '57', 'Fri, 02 Jan 2026 03:04:15 GMT'),
    requests: state(60, 57, 10_000),
  },
  {
    upstream: 'Kong',
    headers: {
      ...three('ratelimit-*', '1', '1', '1'),
      'x-ratelimit-limit-second': '1',
      'x-ratelimit-remaining-second': '1',
      'x-ratelimit-limit-hour': '100',
      'x-ratelimit-remaining-hour': '0',
    },
    requests: state(100, 0, null),
  },
  {
    upstream: 'the early IETF drafts',
    headers: three('RateLimit-*', '100, 100;w=60', '40', '9'),
    requests: state(100, 40, 9_000),
  },
  {
    upstream: 'the IETF draft 07',
    headers: { ratelimit: 'limit=10, remaining=0, reset=9', 'ratelimit-policy': '10;w=10' },
    requests: state(10, 0, 9_000),
  },
  {
    upstream: 'the later IETF drafts',
    headers: { ratelimit: '"default";r=0;t=9', 'ratelimit-policy': '"default";q=100;w=60' },
    requests: state(100, 0, 9_000),
  },
  {
    upstream: 'the later IETF drafts, with two policies and one of bytes',
    headers: {
      ratelimit: '"burst";r=7;t=1, "day"; r=50; t=36000, "size";r=3;t=1',
      'ratelimit-policy': '"burst";q=10;w=1,"day";q=1000;w=86400;pk=:cHNk:,"size";q=99;qu="content-bytes"',
    },
    requests: state(10, 7, 1_000),
  },
  {
    upstream: 'the later IETF drafts, without a policy',
    headers: { ratelimit: 'default;r=50' },
    requests: state(null, 50, null),
  },
];

describe('what an upstream reports of its limits', () => {
  it.each(ROWS)('is read from $upstream', ({ headers, requests = null, tokens = null }) => {
    expect(read(headers)).toEqual({ requests, tokens });
  });

  it('is the limit that takes longest to reset, of two that are exhausted', () => {
    const headers = {
      ...three('x-ratelimit-*-requests-minute', '30', '0', '20'),
      ...three('x-ratelimit-*-requests-day', '900', '0', '5h'),
    };
    expect(read(headers).requests).toEqual(state(900, 0, 18_000_000));
  });

  it.each<[string, Record<string, string>]>([
    ['no headers', {}],
    ['only a reset', { 'x-ratelimit-reset-requests': '1s' }],
    ['images', three('x-ratelimit-*-images', '5', '4', '1s')],
    ['seconds of audio', three('x-ratelimit-*-audio-seconds', '7200', '7100', '1s')],
    ['calls at the same time', three('x-ratelimit-*-concurrent', '200', '199', '1s')],
    ['a name without a field', { 'x-ratelimit-requests': '5', 'x-ratelimit-used': '5' }],
    ['a name with two fields', { 'x-ratelimit-limit-remaining': '5' }],
    ['numbers in another form', three('x-ratelimit-*-requests', '0x10', '1e3', '1s')],
    ['negative numbers', three('x-ratelimit-*-requests', '-5', '-1', '1s')],
    ['thousands separators', { 'x-ratelimit-limit-tokens': '30,000' }],
    ['a draft without its members', { ratelimit: '"default"', 'ratelimit-policy': '"default";q=1' }],
  ])('is nothing for %s', (_title, headers) => {
    expect(read(headers)).toEqual(NO_REPORT);
  });

  it('is read without the values that cannot be read', () => {
    const headers = three('x-ratelimit-*-requests', '60', '59', 'soon');
    expect(read(headers).requests).toEqual(state(60, 59, null));
  });

  it('is not read from a header that was sent twice', () => {
    const headers = new Headers(three('x-ratelimit-*-requests', '60', '59', '1s'));
    headers.append('x-ratelimit-remaining-requests', '12');
    expect(readLimits(headers, NOW_MS).requests).toEqual(state(60, null, 1_000));
  });

  it('never throws and holds no negative or unreal number, whatever the upstream sends', () => {
    const words = ['limit', 'remaining', 'reset', 'requests', 'tokens', 'input', 'output', 'day', 'odd'];
    const name = fc
      .tuple(
        fc.constantFrom('x-ratelimit', 'ratelimit', 'anthropic-ratelimit', 'x-tokenlimit', 'ratelimitbysize'),
        fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }),
      )
      .map(([prefix, rest]) => [prefix, ...rest].join('-'));
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.nat().map(String),
      fc.bigInt().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.stringMatching(/^(\d{1,12}(\.\d{1,9})?(ms|s|m|h|d)){1,9}$/),
      fc.stringMatching(/^("[a-z]*"|[a-z]+)(;(r|t|q|w|qu)=[\d"a-z-]*){0,4}(, *"b";r=\d*;t=-?\d*)?$/),
      fc.stringMatching(/^limit=[\d-]*, remaining=[\d-]*, reset=[\d-]*$/),
    );
    const draft = fc.constantFrom('ratelimit', 'ratelimit-policy');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(name, name, draft), value), { maxLength: 12 }), (pairs) => {
        const headers = new Headers();
        for (const [header, raw] of pairs) headers.append(header, raw.replace(/[^\x20-\x7e]/g, '~'));
        const { requests, tokens } = readLimits(headers, NOW_MS);
        for (const number of [requests, tokens].flatMap((found) => Object.values(found ?? {}))) {
          expect(number === null || (Number.isFinite(number) && Number(number) >= 0)).toBe(true);
        }
        for (const found of [requests, tokens]) {
          expect(found === null || found.limit !== null || found.remaining !== null).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is not read from values that are longer than any limit needs', () => {
    for (const text of ['1m', ',;w', '"a";r=1,', '=;', 'Mon, 02 Jan 2026 ', '9']) {
      const long = text.repeat(1_000_000 / text.length);
      const headers = {
        ...three('x-ratelimit-*', long, long, long),
        ratelimit: `remaining=1, limit=${long}`,
      };
      expect(read({ ...headers, 'ratelimit-policy': long })).toEqual(NO_REPORT);
    }
  });
});
