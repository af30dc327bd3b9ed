import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashApiKey, isApiKey, newApiKey } from '../../src/keys/api-key.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Base62 the other way round: what a scanner does, written without the product's code. */
function valueOf(digits: string): bigint {
  return [...digits].reduce((value, digit) => value * 62n + BigInt(ALPHABET.indexOf(digit)), 0n);
}

describe('an API key', () => {
  it('says what it is for, holds all 256 random bits, and ends in the CRC-32 of what stands before', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.constantFrom('live' as const, 'test' as const),
        (bytes, kind) => {
          const key = newApiKey(kind, () => bytes);
          expect(key).toMatch(new RegExp(`^reqrun_${kind}_[0-9A-Za-z]{49}$`));
          expect(valueOf(key.slice(12, 55))).toBe(BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
          expect(valueOf(key.slice(55))).toBe(BigInt(crc32(key.slice(0, 55))));
          expect(isApiKey(key)).toBe(true);
        },
      ),
    );
  });

  it('keeps its format between versions, because callers store their keys', () => {
    const key = newApiKey('live', () => new Uint8Array(32).fill(7));
    expect(key).toBe('reqrun_live_1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF13Zdy4Q');
  });

  it('is told from every text that differs in one character', () => {
    const key = newApiKey('test', randomBytes);
    const others = [...key].flatMap((character, index) =>
      [...ALPHABET, '_', ' ', "'"]
        .filter((other) => other !== character)
        .map((other) => key.slice(0, index) + other + key.slice(index + 1)),
    );
    expect(others.filter(isApiKey)).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['another prefix', `sk-proj-${'a'.repeat(53)}`],
    ['SQL', "reqrun_live_' OR '1'='1"],
    ['a line more', `${newApiKey('live', randomBytes)}\n`],
    ['10 kB', `reqrun_live_${'a'.repeat(10_000)}`],
  ])('is not %s', (_what, text) => {
    expect(isApiKey(text)).toBe(false);
  });

  it('is kept as its SHA-256', () => {
    expect(hashApiKey('x')).toBe(createHash('sha256').update('x').digest('hex'));
  });
});
