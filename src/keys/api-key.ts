import { createHash } from 'node:crypto';
import { isCheckedText, newCheckedText } from './checked-text.ts';

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
