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
