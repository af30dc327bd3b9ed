import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRepresentable } from '../../src/domain/json-number.ts';

/** digits × 10^exponent, and one of the many ways to write it. */
interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
  readonly text: string;
}

const BOUND = 2n ** 53n - 1n;
/** From here on, what is the very decimal of its double is taken. */
const ONLY_DOUBLES = 10n ** 21n;

/** A point anywhere among the digits, zeros at both ends, and the exponent that makes up for it. */
function write(digits: bigint, exponent: number, places: number, zeros: number, e: string): Decimal {
  const sign = digits < 0n ? '-' : '';
  const all = String(digits < 0n ? -digits : digits).padStart(places + 1, '0') + '0'.repeat(zeros);
  const [whole, fraction] = [
    all.slice(0, all.length - places - zeros),
    all.slice(all.length - places - zeros),
  ];
  const written = exponent + places;
  const power = written === 0 && e !== 'e+' ? '' : `${e}${written}`;
  const text = `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}${power}`;
  return { digits, exponent, text: text.replace('e+-', 'e-') };
}

const writing = fc.tuple(fc.nat(25), fc.nat(3), fc.constantFrom('e', 'E', 'e+'));
/** Near the bound, where doubles begin to skip integers, and elsewhere. */
const value = fc.oneof(
  fc.tuple(fc.bigInt({ min: BOUND - 20n, max: BOUND + 20n }), fc.constant(0)),
  fc.tuple(fc.bigInt({ min: (BOUND - 3n) * 10_000n, max: (BOUND + 3n) * 10_000n }), fc.constant(-4)),
  fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 20n }), fc.integer({ min: -30, max: 30 })),
  fc.tuple(fc.bigInt({ min: 1n, max: 10n ** 17n }), fc.integer({ min: 4, max: 30 })),
);
const signed = fc.tuple(value, fc.boolean()).map(([[digits, exponent], negative]) => ({
  digits: negative ? -digits : digits,
  exponent,
}));
const decimal = fc
  .tuple(signed, writing)
  .map(([{ digits, exponent }, how]) => write(digits, exponent, ...how));

/** As a fraction over 10^40, which every exponent here leaves whole. */
const exact = ({ digits, exponent }: Decimal): bigint => digits * 10n ** BigInt(exponent + 40);
const magnitude = (one: Decimal): bigint => (exact(one) < 0n ? -exact(one) : exact(one));

describe('a number in a body', () => {
  it.each([
    ...['0', '-0', '0.0', '0e999999999', '-0.000E-999999999', '0.1', '1e-7', '5e-324', '-1.5E+3', '1.50'],
    ...['9007199254740991', '-9007199254740991.0', '9007199254740991e0', '90071992547409910e-1'],
    ...[
      '1e21',
      '1E+300',
      '-1.7976931348623157E+308',
      '1.20e22',
      `1${'0'.repeat(21)}`,
      '0.5e22',
      `1${'0'.repeat(27)}e-5`,
    ],
    ...['9.007199254740991e15', '0.09007199254740991e17', '1e15', `1${'0'.repeat(400)}e-400`],
  ])('%s is taken, because every reader takes it for the same', (literal) => {
    expect(isRepresentable(literal)).toBe(true);
  });

  it.each([
    ...['9007199254740992', '9007199254740993', '9007199254740993.0', '12345678901234567890'],
    ...['9007199254740992e0', '9007199254740993e0', '90071992547409930e-1', '9.007199254740993e15'],
    ...['9007199254740991.5', '-9007199254740993.5', '12345678901234567891e1', '1e16', '1e20', '9e18'],
    ...[
      '1234567890123456789012345',
      '1.79769313486231571e308',
      '1000000000000000000001',
      '1.2345678901234567891e30',
    ],
    ...['1e400', '-1e999999999', '1e-400', '1e-999999999', '0.1e-999999999'],
  ])('%s is refused, because readers could differ about it', (literal) => {
    expect(isRepresentable(literal)).toBe(false);
  });

  it('is judged by its value alone, whatever notation that comes in', () => {
    fc.assert(
      fc.property(signed, writing, writing, ({ digits, exponent }, one, other) => {
        const [a, b] = [write(digits, exponent, ...one), write(digits, exponent, ...other)];
        expect(isRepresentable(a.text), `${a.text} and ${b.text}`).toBe(isRepresentable(b.text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is refused between 2^53 and 1e21 in every notation, and taken up to 2^53 - 1', () => {
    fc.assert(
      fc.property(decimal, (one) => {
        const isTaken = isRepresentable(one.text);
        const isBetween =
          magnitude(one) > (BOUND + 1n) * 10n ** 40n && magnitude(one) < ONLY_DOUBLES * 10n ** 40n;
        if (isBetween && Number(one.text) < 1e21 && Number(one.text) > -1e21)
          expect(isTaken, one.text).toBe(false);
        if (magnitude(one) <= BOUND * 10n ** 40n) expect(isTaken, one.text).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is never one beyond 2^53 that counts as equal to another one, so that no key is replayed for it', () => {
    const near = fc.integer({ min: -3, max: 3 }).chain((step) =>
      fc.tuple(decimal, writing).map(([one, how]): [Decimal, Decimal] => {
        return [one, write(one.digits + BigInt(step), one.exponent, ...how)];
      }),
    );
    fc.assert(
      fc.property(near, ([a, b]) => {
        const isBeyond = [a, b].some((one) => magnitude(one) > 2n ** 53n * 10n ** 40n);
        if (!isBeyond || !isRepresentable(a.text) || !isRepresentable(b.text)) return;
        if (Number(a.text) === Number(b.text)) expect(exact(a), `${a.text} and ${b.text}`).toBe(exact(b));
      }),
      { numRuns: 5_000 },
    );
  });

  it('is judged at once where it fills the whole body', () => {
    const million = '1234567890'.repeat(100_000);
    const zeros = '0'.repeat(1_000_000);
    const literals = [million, `0.${million}`, `${million}e-999990`, `0.${zeros}`, `0.${zeros}1`];
    const start = performance.now();
    const taken = [
      ...literals,
      `1${zeros}e-1000000`,
      `1${zeros}1e-999900`,
      `1e${million}`,
      `0e-${million}`,
    ].map(isRepresentable);
    expect(performance.now() - start).toBeLessThan(1_000);
    expect(taken).toEqual([false, true, true, true, false, true, false, false, true]);
  });
});
