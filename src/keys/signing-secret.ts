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

/** The API key that a signing secret belongs to. */
export interface SecretOwner {
  readonly keyId: string;
  /** The text of the API key. It is known only when the key is created and when a caller sends it. */
  readonly apiKey: string;
}

/** Creates a signing secret: `reqrun_sign_`, followed by what {@link newCheckedText} appends. */
export function newSigningSecret(randomBytes: (count: number) => Uint8Array): string {
  return newCheckedText('reqrun_sign_', randomBytes);
}

/**
 * Encrypts a signing secret for the keys file, in base64. A hash would not do, because verifying a signature
 * needs the secret itself.
 *
 * The encryption is AES-256-GCM, bound to the id of the API key. Its key is derived from the API key
 * (HKDF-SHA256 with a random salt). The keys file has only a hash of the API key, so the file alone does not
 * reveal the secret. The service needs no key of its own, because the caller sends the API key.
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

/**
 * Decrypts a signing secret to a KeyObject, which no log can show. Null when it was altered or belongs to
 * another key.
 */
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

/** Derives key and nonce. The nonce may be derived too, because each salt is used only once. */
function derive(apiKey: string, salt: Uint8Array): { key: Buffer; nonce: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', apiKey, salt, PURPOSE, KEY_BYTES + NONCE_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}

/**
 * Whether a signature (lower-case hex) is the HMAC-SHA256 of a text. Takes the same time for every wrong one.
 */
export function isSignature(secret: KeyObject, text: string, signature: string): boolean {
  const right = createHmac('sha256', secret).update(text).digest();
  const given = Buffer.from(signature, 'hex');
  return given.byteLength === right.byteLength && timingSafeEqual(given, right);
}
