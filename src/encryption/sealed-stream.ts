import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { EncryptionKey } from './keys.ts';

/**
 * Encryption of a stream in chunks, so that neither side needs all of it in memory. Each stream has a key of its own,
 * derived from the deployment's key and a random salt, so chunks can be numbered by their nonces. The last chunk is
 * marked in its nonce: a stream that is cut, reordered or continued cannot be decrypted.
 */

/** Length of the random salt of a stream. */
export const SALT_BYTES = 32;
/** Bytes of text in one chunk. */
const CHUNK_BYTES = 256 * 1024;
const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_USE = 'reqrun blob 1';

/** What a stream is bound to. It is stored beside the stream and authenticated with every chunk. */
interface Seal {
  readonly key: EncryptionKey;
  readonly salt: Uint8Array;
  readonly associated: Uint8Array;
}

/** The encrypted chunks of a text, each followed by its tag. */
export async function* sealStream(source: AsyncIterable<Uint8Array>, seal: Seal): AsyncGenerator<Uint8Array> {
  const key = streamKey(seal);
  for await (const { bytes, number, isLast } of inChunks(source, CHUNK_BYTES)) {
    const cipher = createCipheriv(CIPHER, key, nonceOf(number, isLast), { authTagLength: TAG_BYTES });
    cipher.setAAD(seal.associated);
    yield cipher.update(bytes);
    cipher.final();
    yield cipher.getAuthTag();
  }
}

/**
 * The text of a stream that {@link sealStream} encrypted. A chunk is passed on only after it was authenticated.
 *
 * @throws SealBrokenError by the iteration if the stream was cut or altered
 */
export async function* unsealStream(
  source: AsyncIterable<Uint8Array>,
  seal: Seal,
): AsyncGenerator<Uint8Array> {
  const key = streamKey(seal);
  for await (const { bytes, number, isLast } of inChunks(source, CHUNK_BYTES + TAG_BYTES)) {
    const tagAt = bytes.byteLength - TAG_BYTES;
    if (tagAt < 0) throw new SealBrokenError();
    const decipher = createDecipheriv(CIPHER, key, nonceOf(number, isLast), { authTagLength: TAG_BYTES });
    decipher.setAAD(seal.associated).setAuthTag(bytes.subarray(tagAt));
    const opened = decipher.update(bytes.subarray(0, tagAt));
    try {
      decipher.final();
    } catch {
      throw new SealBrokenError();
    }
    yield opened;
  }
}

/** The stream is not as it was written, or belongs to another place. */
export class SealBrokenError extends Error {
  constructor() {
    super('the stream was cut or altered');
    this.name = 'SealBrokenError';
  }
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly number: number;
  readonly isLast: boolean;
}

/** Cuts a stream into chunks of one size; the last one may be shorter. There is always one. */
async function* inChunks(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Chunk> {
  let held: Uint8Array = new Uint8Array();
  let number = 0;
  for await (const piece of source) {
    held = held.byteLength === 0 ? piece : Buffer.concat([held, piece]);
    // A full chunk is held until more has come, because it may be the last one.
    let from = 0;
    for (; held.byteLength - from > size; from += size) {
      yield { bytes: held.subarray(from, from + size), number: number++, isLast: false };
    }
    held = held.subarray(from);
  }
  yield { bytes: held, number, isLast: true };
}

function streamKey({ key: { secret }, salt }: Seal): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, salt, KEY_USE, KEY_BYTES)));
}

/** Unique within the stream, whose key is used for nothing else. */
function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32BE(number, NONCE_BYTES - 5);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}
