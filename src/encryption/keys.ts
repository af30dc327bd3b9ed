import { createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** One AES-256 key. It is a KeyObject, so that no log and no dump of the configuration can show it. */
export interface EncryptionKey {
  /** The name of the key. It is stored unencrypted with every payload that the key encrypts. */
  readonly id: string;
  readonly secret: KeyObject;
}

/** The encryption keys of a process. The first one encrypts; all of them decrypt. */
export interface EncryptionKeys {
  readonly current: EncryptionKey;
  /** Returns undefined for an unknown id. */
  find(id: string): EncryptionKey | undefined;
}

const ENTRY = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/]{43}=)$/;
const KEY_BYTES = 32;

/**
 * Parses `id:base64,id:base64`.
 *
 * @returns the keys, or a description of the fault that quotes no part of the text
 */
export function parseEncryptionKeys(text: string): EncryptionKeys | string {
  const keys = new Map<string, EncryptionKey>();
  for (const entry of text.split(',')) {
    const [, id = '', base64 = ''] = ENTRY.exec(entry.trim()) ?? [];
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.byteLength !== KEY_BYTES) {
      return 'must be id:key pairs separated by commas; an id is 1 to 64 of A-Z a-z 0-9 . _ -, a key 32 bytes in base64';
    }
    if (keys.has(id)) return 'must name each key id once';
    keys.set(id, { id, secret: createSecretKey(bytes) });
  }
  const [current] = keys.values();
  return current === undefined ? 'must hold a key' : { current, find: (id) => keys.get(id) };
}

/** The zod schema of an environment variable that holds encryption keys. */
export const encryptionKeys = z
  .string()
  .transform((text, context) => {
    const keys = parseEncryptionKeys(text);
    if (typeof keys !== 'string') return keys;
    context.addIssue(keys);
    return z.NEVER;
  })
  .optional();
