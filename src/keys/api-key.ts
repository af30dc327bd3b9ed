import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a key is for; it is part of the key's text, so that nobody mistakes the one for the other. */
export const KeyKind = { live: 'live', test: 'test' } as const;
export type KeyKind = (typeof KeyKind)[keyof typeof KeyKind];

const prefixOf = (kind: KeyKind): string => `reqrun_${kind}_`;

/** A new key: `reqrun_live_` or `reqrun_test_`, and what {@link newCheckedText} puts behind it. */
export function newApiKey(kind: KeyKind, randomBytes: (count: number) => Uint8Array): string {
  return newCheckedText(prefixOf(kind), randomBytes);
}

/** Whether a text is a key by its form and checksum; decided without any look-up. */
export function isApiKey(text: string): boolean {
  return Object.values(KeyKind).some((kind) => isCheckedText(text, prefixOf(kind)));
}

/** What is kept of a key: SHA-256 hex. 256 random bits need no slow hash. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_BYTES = 32;
/** 62^43 > 2^256. */
const RANDOM_LENGTH = 43;
/** 62^6 > 2^32. */
const CHECKSUM_LENGTH = 6;
const AFTER_PREFIX = /^[0-9A-Za-z]{49}$/;

/**
 * A new secret: its prefix, 256 random bits in base62, and a checksum that a secret scanner can verify offline,
 * as GitHub's tokens have it. `randomBytes` must be cryptographic.
 */
export function newCheckedText(prefix: string, randomBytes: (count: number) => Uint8Array): string {
  const random = BigInt(`0x${Buffer.from(randomBytes(RANDOM_BYTES)).toString('hex')}`);
  const unchecked = prefix + base62(random, RANDOM_LENGTH);
  return unchecked + checksum(unchecked);
}

/** Whether a text is what {@link newCheckedText} makes of the prefix; decided at once where it is too long. */
function isCheckedText(text: string, prefix: string): boolean {
  if (text.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH || !text.startsWith(prefix))
    return false;
  if (!AFTER_PREFIX.test(text.slice(prefix.length))) return false;
  return text.slice(-CHECKSUM_LENGTH) === checksum(text.slice(0, -CHECKSUM_LENGTH));
}

/** CRC-32 (as zlib's) of all that stands before it, prefix included, in base62 with leading zeros. */
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
