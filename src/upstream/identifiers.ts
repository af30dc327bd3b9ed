/** What may be kept of an upstream's words: plain identifiers, never text that could quote a prompt. */
const PLAIN = /^[A-Za-z0-9_.\-[\]]{1,64}$/;

export function plainIdentifier(value: unknown): string | null {
  return typeof value === 'string' && PLAIN.test(value) ? value : null;
}
