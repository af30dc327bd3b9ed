/** What remains of a JSON number when it is read as a double, as JSON.parse and most other parsers do. */
export type NumberReading =
  /**
   * Nothing relevant is lost: the value is at most 2^53 - 1, or the literal is the decimal that the double
   * prints as.
   */
  | 'double'
  /** Precision is lost: other literals give the same double. */
  | 'rounded'
  /** The value is lost: the double is infinity, or 0 for a literal that is not 0. */
  | 'out_of_range';

/**
 * Classifies a number literal by how a double represents it. RFC 8259 allows any number and lets each parser
 * set its own limits, so:
 *
 * - An integer of any size is legal (`seed` is an int64, bounds in tool schemas are int64 or uint64). Above
 *   2^53 - 1 it is compared by its text. The same applies to fractions and exponents of this size.
 * - `1e400` and `1e-400` are out of range. Most parsers turn them into infinity or 0, and write `null` or 0
 *   when they pass them on. No caller means that.
 * - `-0` is 0, and `1.0` and `1e0` are 1. Below 2^53, digits that a double does not hold are ignored: two
 *   requests that differ only in them are the same.
 *
 * Takes linear time in the length of the literal.
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
