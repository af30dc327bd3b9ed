import type { Payload } from '@temporalio/common';
import { buffer } from 'node:stream/consumers';
import { type BlobRef, isReference, REFERENCE_MARK } from '../domain/raw-json.ts';
import { BlobUnreadableError } from './blob-format.ts';
import { BlobStoreError } from './blob-store.ts';
import type { TextStore } from './text-store.ts';

/** A larger text stays a reference, because a page of the Temporal UI cannot show it. */
const MAX_SHOWN_BYTES = 4 * 1024 * 1024;
const OPEN_MS = 10_000;

/** Puts the text in the place of its reference, for a person who reads a payload in the Temporal UI. */
export type ResolvePayload = (payload: Payload, workflowId: string | null) => Promise<Payload>;

/** A payload that is no reference, or whose text is too large or cannot be read, is returned as it is. */
export function createPayloadResolver(texts: TextStore): ResolvePayload {
  return async (payload, workflowId) => {
    if (workflowId === null || !isReference(payload)) return payload;
    const ref: BlobRef = JSON.parse(new TextDecoder().decode(payload.data ?? new Uint8Array()));
    if (ref.bytes > MAX_SHOWN_BYTES) return payload;
    try {
      const opened = await texts.open(workflowId, ref, AbortSignal.timeout(OPEN_MS));
      const { [REFERENCE_MARK]: _mark, ...metadata } = payload.metadata ?? {};
      return { ...payload, metadata, data: await buffer(opened.stream()) };
    } catch (error) {
      if (error instanceof BlobUnreadableError || error instanceof BlobStoreError) return payload;
      throw error;
    }
  };
}
