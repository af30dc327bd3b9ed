import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAsDouble } from '../../src/domain/json-number.ts';

describe('a JSON number', () => {
  it.each([
    ...['0', '-0', '0.0', '-0e5', '0e400', '0.000e-400', '1', '1.0', '1e0', '10e-1', '0.1', '5e-324', '1.50'],
    ...['9007199254740991', '-9007199254740991', '9007199254740991.4', '90071992547409910e-1'],
    // Spelled as JavaScript spells the double, or as .NET does.
    ...['9007199254740992', '1e21', '1e+300', '-1E300', '1.7976931348623157E+308', '100000000000000000000'],
  ])('%s is a double', (literal) => {
    expect(readAsDouble(literal)).toBe('double');
  });

  it.each([
    ...['9007199254740993', '-9007199254740993', '9007199254740993.0', '9007199254740993e0', '10e20'],
    ...['9223372036854775807', '-9223372036854775808', '18446744073709551615', '12345678901234567891e1'],
    ...['9007199254740993.5', '1.79769313486231570E+308', '1'.repeat(400), `-${'9'.repeat(5_000)}`],
  ])('%s counts by its text', (literal) => {
    expect(readAsDouble(literal)).toBe('rounded');
  });

  it.each(['1e400', '-1e400', '1E+400', '1.0e309', `${'1'.repeat(400)}.5`, '1e-400', '-1e-400', '0.1e-323'])(
    '%s is out of range',
    (literal) => {
      expect(readAsDouble(literal)).toBe('out_of_range');
    },
  );

  it('is never taken as a double together with another integer that is not the same', () => {
    const unsafe = fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n });
    fc.assert(
      fc.property(unsafe, fc.bigInt({ min: -3_000n, max: 3_000n }), (one, distance) => {
        const other = one + distance;
        if (distance === 0n || other < 2n ** 53n || Number(one) !== Number(other)) return;
        expect([readAsDouble(String(one)), readAsDouble(String(other))]).toContain('rounded');
      }),
      { numRuns: 2_000 },
    );
  });

  it('that a caller of JSON.stringify writes is a double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(readAsDouble(JSON.stringify(value))).toBe('double');
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['1', '9', '0', '10'])(
    'of a million digits %s is judged in little of the processor’s time',
    (digits) => {
      const before = process.cpuUsage();
      readAsDouble(digits.repeat(1_000_000));
      readAsDouble(`${digits.repeat(1_000_000)}e-5`);
      // Not the clock's: a busy machine makes it no longer. What is not linear would take minutes.
      expect(process.cpuUsage(before).user / 1_000).toBeLessThan(2_000);
    },
  );
});
