/** Tells carried text from other values across realms and module copies, where `instanceof` fails. */
const BRAND = Symbol.for('reqrun.RawJson');

/**
 * JSON text that is carried as the bytes it came in, so that numbers, spacing and member order survive every
 * hop. `beside` travels in the payload's metadata: what must go with the text without being wrapped around it.
 */
export class RawJson {
  readonly [BRAND] = true;
  readonly bytes: Uint8Array;
  /** Plain JSON data, or null. Small: it is not what the text's size limit measures. */
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

/** What Temporal stores in one payload list; a start, an activity or a result beyond it is refused. */
const PAYLOADS_BYTES = 2 * 1024 * 1024;

/** The journal of 100 attempts at most, each with its names and an upstream's request id; and the call's options. */
const BESIDE_BYTES = 128 * 1024;

/**
 * What encryption adds to a payload: nonce and tag (28 bytes), the key's id, the namespace and the workflow's id in
 * clear (64 + 255 + 255 characters at most), the names of all these, and the framing of the payload inside.
 */
const ENCRYPTION_BYTES = 1024;

/** A start carries the body and the call's own data: two payloads. Nothing here is stored in base64. */
const PAYLOADS_OF_A_CALL = 2;

/** The largest body of a request that can be stored with all that goes with it, encrypted or not. */
export const MAX_BODY_BYTES = PAYLOADS_BYTES - BESIDE_BYTES - PAYLOADS_OF_A_CALL * ENCRYPTION_BYTES;

/** The largest upstream answer that can be, after decompression; its journal goes with it. */
export const MAX_RESPONSE_BYTES = PAYLOADS_BYTES - BESIDE_BYTES - ENCRYPTION_BYTES;
