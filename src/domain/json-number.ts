/** From here on JavaScript itself writes exponents, and no integer type holds the value: to every reader a double. */
const ONLY_DOUBLES = 1e21;

/**
 * Whether a JSON number means the same to everyone who reads it, judged by its value, in whatever notation: it
 * does not vanish, and is within 2^53 - 1, or from 1e21 on the very decimal that its double is written as (1e300,
 * the largest double in a schema). Else a double stands for several values, and two requests that differ would
 * count as the same one. Linear time, however long the literal.
 */
export function isRepresentable(literal: string): boolean {
  const number = Number(literal);
  // No number: for JSON.parse to refuse.
  if (Number.isNaN(number)) return true;
  if (number === 0) return /^-?[0.]+(e|$)/i.test(literal);
  const magnitude = Math.abs(number);
  if (magnitude <= Number.MAX_SAFE_INTEGER) return true;
  if (magnitude < ONLY_DOUBLES || magnitude === Infinity) return false;
  return decimalOf(literal) === decimalOf(String(number));
}

/** A finite number's significant digits and the power of ten of the last one: the same for the same value. */
function decimalOf(literal: string): string {
  const [mantissa = '', exponent = '0'] = literal.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  const isZero = (at: number): boolean => digits[at] === '0';
  let [first, end] = [0, digits.length];
  while (isZero(first)) first += 1;
  // No regular expression: it would look at a run of zeros from each of them.
  while (end > first && isZero(end - 1)) end -= 1;
  return `${digits.slice(first, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
