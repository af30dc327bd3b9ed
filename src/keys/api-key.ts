import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The purpose of a key. It is part of the text of the key, so that a live key and a test key are not
 * confused.
 */
export const KeyKind = { live: 'live', test: 'test' } as const;
export type KeyKind = (typeof KeyKind)[keyof typeof KeyKind];

const prefixOf = (kind: KeyKind): string => `reqrun_${kind}_`;

/** Creates a key: `reqrun_live_` or `reqrun_test_`, followed by what {@link newCheckedText} appends. */
export function newApiKey(kind: KeyKind, randomBytes: (count: number) => Uint8Array): string {
  return newCheckedText(prefixOf(kind), randomBytes);
}

/** Whether a text has the form and the checksum of a key. Needs no look-up. */
export function isApiKey(text: string): boolean {
  return Object.values(KeyKind).some((kind) => isCheckedText(text, prefixOf(kind)));
}

/** The stored form of a key: SHA-256 hex. A key has 256 random bits, so it needs no slow hash. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_BYTES = 32;
/** Enough base62 digits for 32 bytes: 62^43 > 2^256. */
const RANDOM_LENGTH = 43;
/** Enough base62 digits for a CRC-32: 62^6 > 2^32. */
const CHECKSUM_LENGTH = 6;
const AFTER_PREFIX = /^[0-9A-Za-z]{49}$/;

/**
 * Creates a secret: the prefix, 256 random bits in base62, and a checksum. A secret scanner can verify the
 * checksum offline, as with GitHub's tokens.
 *
 * @param randomBytes must be cryptographic
 */
export function newCheckedText(prefix: string, randomBytes: (count: number) => Uint8Array): string {
  const random = BigInt(`0x${Buffer.from(randomBytes(RANDOM_BYTES)).toString('hex')}`);
  const unchecked = prefix + base62(random, RANDOM_LENGTH);
  return unchecked + checksum(unchecked);
}

/**
 * Whether a text has the form that {@link newCheckedText} gives this prefix. The length is checked first, so
 * a long text costs nothing.
 */
function isCheckedText(text: string, prefix: string): boolean {
  if (text.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH || !text.startsWith(prefix))
    return false;
  if (!AFTER_PREFIX.test(text.slice(prefix.length))) return false;
  return text.slice(-CHECKSUM_LENGTH) === checksum(text.slice(0, -CHECKSUM_LENGTH));
}

/** CRC-32 (zlib's) of the text before the checksum, prefix included, in base62 with leading zeros. */
function checksum(text: string): string {
  return base62(BigInt(crc32(text)), CHECKSUM_LENGTH);
}

function base62(value: bigint, length: number): string {
  let digits = '';
  for (let rest = value; digits.length < length; rest /= 62n) {
    digits = ALPHABET.charAt(Number(rest % 62n)) + digits;
  }
  return digits;
}
