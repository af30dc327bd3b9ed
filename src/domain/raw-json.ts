/** Marks instances. `instanceof` fails across realms and copies of this module. */
const BRAND = Symbol.for('reqrun.RawJson');

/**
 * JSON text as the bytes in which it was received, so that numbers, spacing and member order are kept on
 * every hop. `beside` travels in the metadata of the payload: data that belongs to the text but must not be
 * wrapped around it. A text over {@link INLINE_BYTES} is in the blob store, and `bytes` is its reference.
 */
export class RawJson {
  readonly [BRAND] = true;
  readonly bytes: Uint8Array;
  /** Plain JSON data, or null. It is small, and the size limit of the text does not include it. */
  readonly beside: unknown;
  /** Where the text is in the blob store. Null = `bytes` is the text itself. */
  readonly blob: BlobRef | null;
  /** The text itself, in the process that has stored it. It does not travel. Null = it must be read. */
  readonly inHand: Uint8Array | null;

  constructor(
    bytes: Uint8Array,
    beside: unknown = null,
    blob: BlobRef | null = null,
    inHand: Uint8Array | null = null,
  ) {
    this.bytes = bytes;
    this.beside = beside;
    this.blob = blob;
    this.inHand = inHand;
  }
}

/** Names a text in the blob store. Temporal carries it in the place of the text. */
export interface BlobRef {
  /** The name in the store: namespace, SHA-256 of the workflow id, kind and random characters. */
  readonly blob: string;
  /** SHA-256 of the text, in hex. */
  readonly sha256: string;
  /** Size of the text. */
  readonly bytes: number;
  /** True for a result that a strict JSON parser refuses, such as one with `NaN`. */
  readonly lenient?: true;
}

/** A text of any size: its bytes, or where it is. Plain data, which crosses the workflow's sandbox. */
export type TextOrRef = Uint8Array | BlobRef;

/**
 * A {@link RawJson} that stands for a text in the blob store.
 *
 * @param inHand the text, for readers in this process
 */
export function referTo(ref: BlobRef, beside: unknown = null, inHand: Uint8Array | null = null): RawJson {
  return new RawJson(new TextEncoder().encode(JSON.stringify(ref)), beside, ref, inHand);
}

/** The text if it is in memory, else its reference. */
export function textOf({ bytes, blob, inHand }: RawJson): TextOrRef {
  return inHand ?? blob ?? bytes;
}

export function isBlobRef(text: TextOrRef): text is BlobRef {
  return !(text instanceof Uint8Array);
}

/**
 * Metadata key of a payload whose data is a {@link BlobRef}. The mark is in the metadata, so that a text that merely
 * looks like a reference is never taken for one.
 */
export const REFERENCE_MARK = 'reqrun-blob';

/** Whether a payload of Temporal's stands for a text in the blob store. */
export function isReference(payload: { readonly metadata?: object | null }): boolean {
  return Object.hasOwn(payload.metadata ?? {}, REFERENCE_MARK);
}

/** Size of a text, wherever it is. */
export function sizeOf(text: TextOrRef): number {
  return isBlobRef(text) ? text.bytes : text.byteLength;
}

export function isRawJson(value: unknown): value is RawJson {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** Whether a parsed JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A larger text goes to the blob store where there is one. */
export const INLINE_BYTES = 256 * 1024;

/** Largest text that can be configured where there is a blob store. */
export const MAX_BLOB_BYTES = 64 * 1024 * 1024;

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

/**
 * Maximum body of a request without a blob store. Temporal can store it with everything that accompanies it,
 * encrypted or not.
 */
export const MAX_BODY_BYTES = PAYLOADS_BYTES - BESIDE_BYTES - PAYLOADS_OF_A_CALL * ENCRYPTION_BYTES;

/** Maximum upstream answer after decompression without a blob store. It can be stored with its journal. */
export const MAX_RESPONSE_BYTES = PAYLOADS_BYTES - BESIDE_BYTES - ENCRYPTION_BYTES;
