import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { EncryptionKeys } from '../encryption/keys.ts';
import { SALT_BYTES, SealBrokenError, sealStream, unsealStream } from '../encryption/sealed-stream.ts';
import { BlobMissingError } from './blob-store.ts';

/**
 * The format of a blob: one line of JSON that says whose it is, then the text as it is, or sealed. The line is not
 * encrypted, as in a sealed payload, because the sweep must find the workflow. `tail -n +2` prints a plain text.
 */

/** The workflow that a blob belongs to. */
export interface BlobPlace {
  readonly namespace: string;
  readonly workflowId: string;
}

const Head = z.object({
  format: z.literal(1),
  namespace: z.string(),
  workflow_id: z.string(),
  /** Id of the key that seals the text. Null = plain text. */
  key_id: z.string().nullable(),
  salt: z.base64().nullable(),
});
type Head = z.infer<typeof Head>;

/** Largest line: an id of 255 characters, each of which JSON may escape. */
const MAX_HEAD_BYTES = 4_096;
const NEWLINE = 0x0a;

/** Why a text cannot be read from the blob store. */
export type BlobFault =
  'missing' | 'cut' | 'altered' | 'moved' | 'unknown key' | 'not encrypted' | 'no store';

/** A text in the blob store cannot be read. Trying again does not help. */
export class BlobUnreadableError extends Error {
  readonly why: BlobFault;
  /** The id of the key that the text needs. */
  readonly keyId: string | null;

  constructor(why: BlobFault, keyId: string | null = null) {
    super(`a text in the blob store cannot be read: ${why}`);
    this.name = 'BlobUnreadableError';
    this.why = why;
    this.keyId = keyId;
  }
}

/**
 * The bytes of a blob.
 *
 * @param keys null = the text is stored as it is
 */
export async function* toBlob(
  text: AsyncIterable<Uint8Array>,
  { namespace, workflowId }: BlobPlace,
  keys: EncryptionKeys | null,
): AsyncGenerator<Uint8Array> {
  const salt = keys === null ? null : randomBytes(SALT_BYTES);
  const head = Buffer.from(
    JSON.stringify({
      format: 1,
      namespace,
      workflow_id: workflowId,
      key_id: keys?.current.id ?? null,
      salt: salt?.toString('base64') ?? null,
    } satisfies Head),
  );
  yield Buffer.concat([head, Buffer.of(NEWLINE)]);
  if (keys === null || salt === null) yield* text;
  else yield* sealStream(text, { key: keys.current, salt, associated: head });
}

/**
 * The text of a blob.
 *
 * @param keys null = a sealed text cannot be read. With keys, a plain text is refused, as plain payloads are
 * @throws BlobUnreadableError by the iteration
 */
export async function* fromBlob(
  blob: AsyncIterable<Uint8Array>,
  place: BlobPlace,
  keys: EncryptionKeys | null,
): AsyncGenerator<Uint8Array> {
  const { line, rest } = await splitHead(orMissing(blob));
  const head = parseHead(line);
  if (head === null) throw new BlobUnreadableError(line === null ? 'cut' : 'altered');
  if (head.namespace !== place.namespace || head.workflow_id !== place.workflowId) {
    throw new BlobUnreadableError('moved');
  }
  const { key_id: keyId, salt } = head;
  if (keyId === null || salt === null) {
    if (keys !== null) throw new BlobUnreadableError('not encrypted');
    yield* rest;
    return;
  }
  const key = keys?.find(keyId);
  if (key === undefined) throw new BlobUnreadableError('unknown key', keyId);
  try {
    yield* unsealStream(rest, {
      key,
      salt: Buffer.from(salt, 'base64'),
      associated: line ?? new Uint8Array(),
    });
  } catch (error) {
    throw error instanceof SealBrokenError ? new BlobUnreadableError('altered') : error;
  }
}

/** The workflow that a blob belongs to. Null = its first line cannot be read. */
export async function readPlace(blob: AsyncIterable<Uint8Array>): Promise<BlobPlace | null> {
  const { line, rest } = await splitHead(blob);
  await rest.return(undefined);
  const head = parseHead(line);
  return head === null ? null : { namespace: head.namespace, workflowId: head.workflow_id };
}

interface SplitBlob {
  /** The first line. Null = there is no end of it. */
  readonly line: Uint8Array | null;
  readonly rest: AsyncGenerator<Uint8Array>;
}

async function splitHead(blob: AsyncIterable<Uint8Array>): Promise<SplitBlob> {
  const chunks = blob[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  let end = -1;
  while (end === -1 && held.byteLength < MAX_HEAD_BYTES) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    held = Buffer.concat([held, value]);
    end = held.indexOf(NEWLINE);
  }
  const after = end === -1 ? new Uint8Array() : held.subarray(end + 1);
  return { line: end === -1 ? null : held.subarray(0, end), rest: restOf(after, chunks) };
}

async function* restOf(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  try {
    if (first.byteLength > 0) yield first;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

function parseHead(line: Uint8Array | null): Head | null {
  if (line === null) return null;
  try {
    return Head.parse(JSON.parse(new TextDecoder().decode(line)));
  } catch {
    return null;
  }
}

async function* orMissing(blob: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* blob;
  } catch (error) {
    throw error instanceof BlobMissingError ? new BlobUnreadableError('missing') : error;
  }
}
