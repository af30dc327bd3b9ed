import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';

/** Whether a signature, in lower-case hex, is the secret's HMAC-SHA256 of a text; as slow for every wrong one. */
export function isSignature(secret: KeyObject, text: string, signature: string): boolean {
  const right = createHmac('sha256', secret).update(text).digest();
  const given = Buffer.from(signature, 'hex');
  return given.byteLength === right.byteLength && timingSafeEqual(given, right);
}
