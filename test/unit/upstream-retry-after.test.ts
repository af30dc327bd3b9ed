import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRetryAfterMs } from '../../src/upstream/retry-after.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const parse = (headers: Record<string, string>): number | null =>
  parseRetryAfterMs(new Headers(headers), NOW_MS);

describe('the wait that an upstream asks for', () => {
  it.each([
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '0.25' }, 250],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': 'Fri, 02 Jan 2026 03:04:15 GMT' }, 10_000],
    [{ 'retry-after': 'Friday, 02-Jan-26 03:04:15 GMT' }, 10_000],
    [{ 'retry-after': 'Fri Jan  2 03:04:15 2026' }, 10_000],
    [{ 'retry-after': 'Sun Jan 11 03:04:05 2026' }, 9 * 86_400_000],
    [{ 'retry-after-ms': '1500', 'retry-after': '60' }, 60_000],
    [{ 'retry-after-ms': '1500', 'retry-after': '1' }, 1_500],
    [{ 'x-ms-retry-after-ms': '700', 'retry-after': '60' }, 60_000],
    [{ 'retry-after': '2, 5' }, 5_000],
    [{ 'retry-after': '5, 2' }, 5_000],
    [{ 'retry-after': 'Fri, 02 Jan 2026 03:04:15 GMT, 3' }, 10_000],
    [{ 'retry-after': 'Fri Jan  2 03:04:07 2026, Friday, 02-Jan-26 03:04:15 GMT' }, 10_000],
    [{ 'retry-after': 'soon, 4' }, 4_000],
    [{ 'retry-after-ms': 'soon', 'retry-after': '3' }, 3_000],
  ])('reads %j as %d ms, of several the longest', (headers, ms) => {
    expect(parse(headers)).toBe(ms);
  });

  it.each([
    '0x10',
    '1e3',
    '-1',
    '+5',
    '2s',
    'Infinity',
    '',
    '.5',
    'Fri, 02 Jan 2026 03:04:04 GMT',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Saturday, 01-Jan-77 00:00:00 GMT',
    'Sun Nov  6 08:49:37 1994',
    'Fri Jan 32 03:04:15 2026',
    'Friday, 31-Feb-26 03:04:15 GMT',
    'Fri, 02 Jan 2026 25:04:15 GMT',
    '2026-01-02T03:04:15Z',
    'Fri, 99 Jan 2026 03:04:15 GMT',
    '9999999999999999',
  ])('ignores %j, because a guess could be early', (value) => {
    expect(parse({ 'retry-after': value })).toBeNull();
  });

  it('is never earlier than told, whatever the decimals', () => {
    const seconds = fc.tuple(fc.nat(1_000_000), fc.nat(999_999));
    fc.assert(
      fc.property(seconds, ([whole, millionths]) => {
        const told = `${whole}.${String(millionths).padStart(6, '0')}`;
        const micros = BigInt(whole) * 1_000_000n + BigInt(millionths);
        const ms = parse({ 'retry-after': told });
        expect(ms).not.toBeNull();
        expect(BigInt(ms ?? 0) * 1_000n >= micros, told).toBe(true);
        expect(BigInt(ms ?? 0) * 1_000n <= micros + 2_000n, 'and not much later').toBe(true);
      }),
    );
  });

  it('is null or a whole number that is not negative, whatever the upstream sends', () => {
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
    );
    const name = fc.constantFrom('retry-after', 'retry-after-ms', 'x-ms-retry-after-ms');
    fc.assert(
      fc.property(name, value, (header, raw) => {
        const headers = new Headers();
        headers.set(header, raw.replace(/[^\x20-\x7e]/g, '~'));
        const ms = parseRetryAfterMs(headers, NOW_MS);
        expect(ms === null || (Number.isSafeInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});
