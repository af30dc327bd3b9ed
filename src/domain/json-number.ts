/** What is left of a JSON number when it is read as a double, as JSON.parse and most other readers do. */
export type NumberReading =
  /** All that counts: its value up to 2^53 - 1, or the decimal that the double itself is written as. */
  | 'double'
  /** Less than its text says: other literals become the same double. */
  | 'rounded'
  /** Another kind of value: infinity, or 0 for what is not 0. */
  | 'out_of_range';

/**
 * How a double reads a number's literal. RFC 8259 allows any number and lets each reader set its own limits, so:
 *
 * - An integer of any size is legal (`seed` is an int64, bounds in tool schemas are int64 or uint64). Above 2^53 - 1 it
 *   counts by its text. That holds for fractions and exponents of this size as well.
 * - `1e400` and `1e-400` are out of range: most readers make infinity or 0 of them, and write `null` or 0 when they
 *   pass them on. No caller means that.
 * - `-0` is 0, `1.0` and `1e0` are 1, and digits that a double does not hold below 2^53 do not count: two requests
 *   that differ only there are the same.
 *
 * Takes linear time, however long the literal.
 */
export function readAsDouble(literal: string): NumberReading {
  const value = Number(literal);
  const magnitude = Math.abs(value);
  if (magnitude === 0) return isZero(literal) ? 'double' : 'out_of_range';
  if (magnitude <= Number.MAX_SAFE_INTEGER) return 'double';
  if (magnitude === Infinity) return /[.e]/i.test(literal) ? 'out_of_range' : 'rounded';
  return String(value) === literal.toLowerCase().replace(/e(?=\d)/, 'e+') ? 'double' : 'rounded';
}

function isZero(literal: string): boolean {
  const [digits = ''] = literal.toLowerCase().split('e', 1);
  return !/[1-9]/.test(digits);
}
