/**
 * A store of blobs: bytes under a name, written once and never changed. It knows neither requests nor encryption.
 * Names are paths of three parts without special characters, so that every store can carry them.
 */
export interface BlobStore {
  /** Text for a person: where the blobs are. */
  readonly description: string;
  /**
   * Stores all bytes under the name, or nothing. Resolves when they are on disk. What a killed process leaves is
   * never readable under the name.
   *
   * @throws BlobStoreError
   */
  put(name: string, source: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
  /**
   * Reads a blob, which is opened when the iteration begins.
   *
   * @throws BlobMissingError, BlobStoreError by the iteration
   */
  get(name: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Deletes a blob. One that is not there counts as deleted.
   *
   * @throws BlobStoreError
   */
  delete(name: string): Promise<void>;
  /**
   * Lists the blobs whose names begin with these parts, also what killed processes have left. The order puts the
   * names with the same first two parts together.
   *
   * @param prefix one or two whole parts of a name, such as `default/`
   * @throws BlobStoreError by the iteration
   */
  list(prefix: string): AsyncIterable<ListedBlob>;
}

export interface ListedBlob {
  readonly name: string;
  /** When it was written, Unix ms by the store's clock. */
  readonly modifiedMs: number;
}

/** There is no blob with this name. */
export class BlobMissingError extends Error {
  constructor(cause?: unknown) {
    super('the blob store has no blob with this name', { cause });
    this.name = 'BlobMissingError';
  }
}

/** The blob store cannot be used at the moment: it is down, slow, full, or refuses access. */
export class BlobStoreError extends Error {
  constructor(cause: unknown) {
    super(`the blob store failed (${wordOf(cause)})`, { cause });
    this.name = 'BlobStoreError';
  }
}

/** A short word for an error, such as ENOSPC. It quotes no text, because that may hold an address or a key. */
function wordOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown';
  const code = 'code' in cause ? cause.code : undefined;
  const word = typeof code === 'string' ? code : cause.name;
  return /^[A-Za-z0-9_]{1,64}$/.test(word) ? word : 'error';
}
