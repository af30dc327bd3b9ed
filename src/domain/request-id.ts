/**
 * The one place that knows how requests are named: an idempotency key is the record's id and the Temporal
 * workflow's id, so that it can be pasted into the Temporal UI.
 */

/** Visible ASCII, 1 to 255: what every header, URL and SQL store (VARCHAR(255)) carries unchanged. */
const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

/** RFC 4648 base32 in lower case: safe in a URL, a file name and a double-click. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_PREFIX = 'rr_';
const ID_RANDOM_BYTES = 20;

/** Whether a caller may use this as an idempotency key. `@` and `rr_` begin names of our own. */
export function isIdempotencyKey(text: string): boolean {
  return isRequestId(text) && !text.startsWith(ID_PREFIX);
}

/** Whether a record could have this id; anything else is not looked up. */
export function isRequestId(text: string): boolean {
  return VISIBLE_ASCII.test(text) && !text.startsWith('@') && text !== '.' && text !== '..';
}

/** An id for a request without a key: `rr_` and 160 random bits. `randomBytes` must be cryptographic. */
export function newRequestId(randomBytes: (count: number) => Uint8Array): string {
  let bits = 0;
  let held = 0;
  let id = ID_PREFIX;
  for (const byte of randomBytes(ID_RANDOM_BYTES)) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      id += BASE32.charAt((held >> bits) & 31);
    }
  }
  return id;
}
