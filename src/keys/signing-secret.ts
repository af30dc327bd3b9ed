import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { newCheckedText } from './api-key.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 32;
const PURPOSE = 'reqrun signing secret 1';

/** Which key a signing secret belongs to. */
export interface SecretOwner {
  readonly keyId: string;
  /** The API key itself, known while it is made and while it is shown. */
  readonly apiKey: string;
}

/** A new signing secret: `reqrun_sign_`, and what {@link newCheckedText} puts behind it. */
export function newSigningSecret(randomBytes: (count: number) => Uint8Array): string {
  return newCheckedText('reqrun_sign_', randomBytes);
}

/**
 * What is kept of a signing secret, in base64: a hash could not verify a signature. It is encrypted (AES-256-GCM)
 * under a key that is derived (HKDF-SHA256, a salt of its own) from the API key, of which only a hash is kept: the
 * keys file alone yields no secret, and the service needs none to open it. Bound to the key's id.
 */
export function sealSigningSecret(
  secret: string,
  owner: SecretOwner,
  randomBytes: (count: number) => Uint8Array,
): string {
  const salt = randomBytes(SALT_BYTES);
  const { key, nonce } = derive(owner.apiKey, salt);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(owner.keyId));
  return Buffer.concat([salt, cipher.update(secret), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

/** The secret as a KeyObject, which no log can show; null where it was altered or is another key's. */
export function openSigningSecret(sealed: string, owner: SecretOwner): KeyObject | null {
  const bytes = Buffer.from(sealed, 'base64');
  const tagAt = bytes.byteLength - TAG_BYTES;
  if (tagAt < SALT_BYTES) return null;
  const { key, nonce } = derive(owner.apiKey, bytes.subarray(0, SALT_BYTES));
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(owner.keyId)).setAuthTag(bytes.subarray(tagAt));
  try {
    const opened = [decipher.update(bytes.subarray(SALT_BYTES, tagAt)), decipher.final()];
    return createSecretKey(Buffer.concat(opened));
  } catch {
    return null;
  }
}

/** The salt is used once, so that the nonce may be derived with the key. */
function derive(apiKey: string, salt: Uint8Array): { key: Buffer; nonce: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', apiKey, salt, PURPOSE, KEY_BYTES + NONCE_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}

/** Whether a signature, in lower-case hex, is the secret's HMAC-SHA256 of a text; as slow for every wrong one. */
export function isSignature(secret: KeyObject, text: string, signature: string): boolean {
  const right = createHmac('sha256', secret).update(text).digest();
  const given = Buffer.from(signature, 'hex');
  return given.byteLength === right.byteLength && timingSafeEqual(given, right);
}
