import type { Place } from './limit.ts';

/**
 * The body of a new request: the JSON text that is sent upstream, byte for byte. It is handed over once, so that a
 * caller who waits keeps no body in memory.
 */
export class NewBody {
  #bytes: Uint8Array | null;
  readonly byteLength: number;
  /** SHA-256 of the bytes, in hex. Null = not hashed yet. */
  readonly sha256: string | null;

  constructor(bytes: Uint8Array, sha256: string | null = null) {
    this.#bytes = bytes;
    this.byteLength = bytes.byteLength;
    this.sha256 = sha256;
  }

  /** @throws TypeError once the body was handed over */
  get bytes(): Uint8Array {
    if (this.#bytes === null) throw new TypeError('the body was handed over');
    return this.#bytes;
  }

  /** Hands the bytes over. */
  take(): Uint8Array {
    const { bytes } = this;
    this.#bytes = null;
    return bytes;
  }
}

/** A text in the blob store that was checked, and that is read when it is sent. */
export interface OpenedText {
  /** Size of the text. */
  readonly bytes: number;
  /** @throws by the iteration if the text changes or the store fails meanwhile */
  stream(): AsyncIterable<Uint8Array>;
  /**
   * Takes room for the whole text in memory.
   *
   * @throws Refusal `overloaded`
   */
  hold(): Place;
}
