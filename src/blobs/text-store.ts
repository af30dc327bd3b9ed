import { createHash, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlobRef } from '../domain/raw-json.ts';
import type { EncryptionKeys } from '../encryption/keys.ts';
import { type BlobPlace, BlobUnreadableError, fromBlob, toBlob } from './blob-format.ts';
import { BlobStoreError, type BlobStore } from './blob-store.ts';
import { prefixOf, type TextKind } from './request-blobs.ts';

/**
 * The large texts of requests: what is stored in the place of a payload that is too large for Temporal. Each text
 * belongs to one workflow. It is sealed if payloads are, and its hash is checked whenever it is read.
 */
export interface TextStore {
  readonly namespace: string;
  /** Names a text that will be stored. */
  refer(workflowId: string, kind: TextKind, text: Uint8Array, known?: KnownOfText): Promise<BlobRef>;
  /**
   * Stores a text under its reference. Resolves when it is on disk.
   *
   * @throws BlobStoreError
   */
  put(workflowId: string, ref: BlobRef, text: Uint8Array, signal: AbortSignal): Promise<void>;
  /**
   * Checks a stored text from its first to its last byte.
   *
   * @throws BlobUnreadableError if it is missing, cut or altered; BlobStoreError
   */
  open(workflowId: string, ref: BlobRef, signal: AbortSignal): Promise<OpenText>;
  /** @throws BlobStoreError */
  remove(ref: Pick<BlobRef, 'blob'>): Promise<void>;
}

/** What is known of a text before it is referred to. */
interface KnownOfText {
  /** In hex. Without it, the text is hashed. */
  readonly sha256?: string;
  readonly lenient?: boolean;
}

/** A stored text that was checked. */
export interface OpenText {
  /** Size of the text. */
  readonly bytes: number;
  /**
   * Reads the text, a second time if it is large. The last part is held back until the hash was checked again, so
   * that a text that changes meanwhile is never passed on whole.
   *
   * @throws BlobUnreadableError, BlobStoreError by the iteration
   */
  stream(): AsyncIterable<Uint8Array>;
}

/** A text of this size is kept in memory from its check to its use. A larger one is read twice. */
const KEPT_BYTES = 1024 * 1024;
/** Reading a checked text has no limit of its own. Its reader ends it. */
const NEVER = new AbortController().signal;
/** Hashed in one turn of the event loop: about 2 ms. */
const SLICE_BYTES = 1024 * 1024;

/** @param keys null = texts are stored as they are */
export function createTextStore(store: BlobStore, namespace: string, keys: EncryptionKeys | null): TextStore {
  const placeOf = (workflowId: string): BlobPlace => ({ namespace, workflowId });
  const read = (workflowId: string, { blob }: BlobRef, signal: AbortSignal): AsyncIterable<Uint8Array> =>
    fromBlob(store.get(blob, signal), placeOf(workflowId), keys);
  return {
    namespace,
    async refer(workflowId, kind, text, { sha256, lenient = false } = {}) {
      return {
        blob: `${prefixOf(placeOf(workflowId))}${kind}-${randomBytes(12).toString('hex')}`,
        sha256: sha256 ?? (await hashOf(text)),
        bytes: text.byteLength,
        ...(lenient ? { lenient } : {}),
      };
    },
    put: (workflowId, ref, text, signal) =>
      orAborted(store.put(ref.blob, toBlob(slicesOf(text), placeOf(workflowId), keys), signal), signal),
    async open(workflowId, ref, signal) {
      const kept: Uint8Array[] = [];
      const check = async (): Promise<void> => {
        for await (const chunk of checked(read(workflowId, ref, signal), ref)) {
          if (ref.bytes <= KEPT_BYTES) kept.push(chunk);
        }
      };
      await orAborted(check(), signal);
      return {
        bytes: ref.bytes,
        stream: () => (kept.length > 0 ? inMemory(kept) : checked(read(workflowId, ref, NEVER), ref)),
      };
    },
    remove: ({ blob }) => store.delete(blob),
  };
}

/** Passes a text on and holds its last part back until the size and the hash are right. */
async function* checked(
  text: AsyncIterable<Uint8Array>,
  { sha256, bytes }: BlobRef,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let seen = 0;
  let held: Uint8Array | null = null;
  for await (const chunk of text) {
    hash.update(chunk);
    seen += chunk.byteLength;
    if (held !== null) yield held;
    held = chunk;
  }
  if (seen < bytes) throw new BlobUnreadableError('cut');
  if (seen > bytes || hash.digest('hex') !== sha256) throw new BlobUnreadableError('altered');
  if (held !== null) yield held;
}

/**
 * The work, or a {@link BlobStoreError} as soon as the signal is aborted: operations of a file system cannot be ended.
 */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new BlobStoreError(signal.reason));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** SHA-256 in hex. Other work goes on between two slices. */
export async function hashOf(text: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for await (const slice of slicesOf(text)) hash.update(slice);
  return hash.digest('hex');
}

async function* slicesOf(text: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.byteLength; at += SLICE_BYTES) {
    if (at > 0) await nextTurn();
    yield text.subarray(at, at + SLICE_BYTES);
  }
}

async function* inMemory(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
