/** Marks instances. `instanceof` fails across realms and copies of this module. */
const BRAND = Symbol.for('reqrun.RawJson');

/**
 * JSON text as the bytes in which it was received, so that numbers, spacing and member order are kept on
 * every hop. `beside` travels in the metadata of the payload: data that belongs to the text but must not be
 * wrapped around it.
 */
export class RawJson {
  readonly [BRAND] = true;
  readonly bytes: Uint8Array;
  /** Plain JSON data, or null. It is small, and the size limit of the text does not include it. */
  readonly beside: unknown;

  constructor(bytes: Uint8Array, beside: unknown = null) {
    this.bytes = bytes;
    this.beside = beside;
  }
}

export function isRawJson(value: unknown): value is RawJson {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** Whether a parsed JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Maximum size of a payload list in Temporal. It refuses a larger start, activity or result. */
const PAYLOADS_BYTES = 2 * 1024 * 1024;

/**
 * Reserved for `beside`: the options of the call, and a journal of up to 100 attempts with their field names
 * and upstream request ids.
 */
const BESIDE_BYTES = 128 * 1024;

/**
 * Maximum bytes that encryption adds to a payload: nonce and tag (28 bytes); the key id, namespace and
 * workflow id unencrypted (at most 64 + 255 + 255 characters); the names of all these; and the framing of the
 * inner payload.
 */
const ENCRYPTION_BYTES = 1024;

/** A start has two payloads: the body, and the call's own data. Neither is stored in base64. */
const PAYLOADS_OF_A_CALL = 2;

/** Maximum body of a request. It can be stored with everything that accompanies it, encrypted or not. */
export const MAX_BODY_BYTES = PAYLOADS_BYTES - BESIDE_BYTES - PAYLOADS_OF_A_CALL * ENCRYPTION_BYTES;

/** Maximum upstream answer after decompression. It can be stored with its journal. */
export const MAX_RESPONSE_BYTES = PAYLOADS_BYTES - BESIDE_BYTES - ENCRYPTION_BYTES;
