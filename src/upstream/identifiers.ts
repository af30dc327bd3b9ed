/** What may be kept of an upstream's words: plain identifiers, never text that could quote a prompt. */
const PLAIN = /^[A-Za-z0-9_.\-[\]]{1,64}$/;

/** The value itself where it is a plain identifier, else null. */
export function plainIdentifier(value: unknown): string | null {
  return typeof value === 'string' && PLAIN.test(value) ? value : null;
}

/** The upstream's own id of a call, for its support: `x-request-id`, or `request-id`. */
export function requestIdOf(headers: Headers): string | null {
  return plainIdentifier(headers.get('x-request-id')) ?? plainIdentifier(headers.get('request-id'));
}
