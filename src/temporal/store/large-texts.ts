import { BlobUnreadableError } from '../../blobs/blob-format.ts';
import { BlobStoreError } from '../../blobs/blob-store.ts';
import type { TextStore } from '../../blobs/text-store.ts';
import { type BlobRef, INLINE_BYTES, RawJson, referTo } from '../../domain/raw-json.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { RequestRef } from '../../domain/request-id.ts';
import type { NewBody, OpenedText } from '../../domain/request-text.ts';

import type { Intake } from './intake.ts';

/**
 * The claim check of API processes: a large body goes to the blob store before its run is started, and Temporal gets
 * the reference.
 */

/** What reading a text needs. */
export interface TextDependencies {
  /** Null = there is no blob store. */
  readonly texts: TextStore | null;
  readonly intake: Pick<Intake, 'holdBytes'>;
}

/** A body that can be started with. */
export interface KeptBody {
  readonly body: RawJson;
  /** Deletes what was stored, because no run was started with it. It never rejects; the sweep takes what is left. */
  discard(): Promise<void>;
}

/** Time limit of storing a body, whose caller waits. */
const STORE_MS = 30_000;
/** Time limit of checking a text before it is sent. */
const OPEN_MS = 30_000;

/**
 * Takes the body over, and stores it if it is large and there is a blob store.
 *
 * @param texts null = there is no blob store
 * @param signal aborted when the caller leaves
 * @throws Refusal `blob_store_unavailable`
 */
export async function keepBody(
  texts: TextStore | null,
  { workflowId }: RequestRef,
  body: NewBody,
  signal: AbortSignal,
): Promise<KeptBody> {
  const bytes = body.take();
  if (texts === null || bytes.byteLength <= INLINE_BYTES) {
    return { body: new RawJson(bytes), discard: async () => undefined };
  }
  const ref = await texts.refer(
    workflowId,
    'body',
    bytes,
    body.sha256 === null ? {} : { sha256: body.sha256 },
  );
  const discard = (): Promise<void> => texts.remove(ref).catch(() => undefined);
  try {
    await texts.put(workflowId, ref, bytes, AbortSignal.any([signal, AbortSignal.timeout(STORE_MS)]));
  } catch (cause) {
    void discard();
    throw cause instanceof BlobStoreError ? notStored(cause) : cause;
  }
  return { body: referTo(ref), discard };
}

/**
 * Opens a text in the blob store.
 *
 * @throws Refusal `blob_unreadable`; `service_unavailable` if the store does not answer
 */
export async function openText(
  { texts, intake }: TextDependencies,
  { id, workflowId }: RequestRef,
  ref: BlobRef,
): Promise<OpenedText> {
  try {
    if (texts === null) throw new BlobUnreadableError('no store');
    const { bytes, stream } = await texts.open(workflowId, ref, AbortSignal.timeout(OPEN_MS));
    return { bytes, stream: () => refusing(stream(), id), hold: () => intake.holdBytes(bytes) };
  } catch (error) {
    throw toRefusal(error, id);
  }
}

async function* refusing(text: AsyncIterable<Uint8Array>, id: string): AsyncGenerator<Uint8Array> {
  try {
    yield* text;
  } catch (error) {
    throw toRefusal(error, id);
  }
}

function toRefusal(error: unknown, requestId: string): unknown {
  if (error instanceof BlobUnreadableError) {
    return new Refusal('blob_unreadable', { requestId, shouldRetry: false, cause: error });
  }
  if (!(error instanceof BlobStoreError)) return error;
  return new Refusal('service_unavailable', {
    message: 'The blob store does not answer. Try again.',
    requestId,
    retryAfterSeconds: 2,
    shouldRetry: true,
    cause: error,
  });
}

function notStored(cause: unknown): Refusal {
  return new Refusal('blob_store_unavailable', { retryAfterSeconds: 5, shouldRetry: true, cause });
}
