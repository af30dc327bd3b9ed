/**
 * Whether a JSON number means the same to everyone who reads it: its value, in whatever notation, is within
 * 2^53 - 1 and does not vanish. Beyond, a double stands for several integers, so that two requests that differ
 * would count as the same one. Number() rounds correctly and takes linear time, however long the literal.
 */
export function isRepresentable(literal: string): boolean {
  const number = Number(literal);
  if (number === 0) return /^-?[0.]+(e|$)/i.test(literal);
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER;
}
