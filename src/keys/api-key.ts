import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a key is for; it is part of the key's text, so that nobody mistakes the one for the other. */
export const KeyKind = { live: 'live', test: 'test' } as const;
export type KeyKind = (typeof KeyKind)[keyof typeof KeyKind];

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_BYTES = 32;
/** 62^43 > 2^256. */
const RANDOM_LENGTH = 43;
/** 62^6 > 2^32. */
const CHECKSUM_LENGTH = 6;
const PREFIX = 'reqrun';
const FORM = /^reqrun_(?:live|test)_[0-9A-Za-z]{49}$/;
const LENGTH = `${PREFIX}_live_`.length + RANDOM_LENGTH + CHECKSUM_LENGTH;

/**
 * A new key: `reqrun_live_` or `reqrun_test_`, 256 random bits in base62, and a checksum that a secret scanner
 * can verify offline, as GitHub's tokens have it. `randomBytes` must be cryptographic.
 */
export function newApiKey(kind: KeyKind, randomBytes: (count: number) => Uint8Array): string {
  const random = BigInt(`0x${Buffer.from(randomBytes(RANDOM_BYTES)).toString('hex')}`);
  const unchecked = `${PREFIX}_${kind}_${base62(random, RANDOM_LENGTH)}`;
  return unchecked + checksum(unchecked);
}

/** Whether a text is a key by its form and checksum; decided without any look-up, at once where it is too long. */
export function isApiKey(text: string): boolean {
  if (text.length !== LENGTH || !FORM.test(text)) return false;
  return text.slice(-CHECKSUM_LENGTH) === checksum(text.slice(0, -CHECKSUM_LENGTH));
}

/** What is kept of a key: SHA-256 hex. 256 random bits need no slow hash. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
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
