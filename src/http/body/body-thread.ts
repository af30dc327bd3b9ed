/** The thread that reads large bodies. It is started by body-reader.ts and has no other entry. */
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import type { Operation } from '../../domain/operations.ts';
import type { Numbered } from '../../threads/worker-thread.ts';
import type { LargeBody } from './json-body.ts';
import { type PlainRefusal, readLargeBody, toPlain } from './large-body.ts';

/** A body to be read. */
export interface BodyJob {
  readonly operation: Operation;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether the hash of the received bytes is needed, for the signature of the request. */
  readonly isSigned: boolean;
}

/** What the thread has made of it. */
export interface BodyReply {
  /** SHA-256 of the received bytes, in hex. Null = not asked for. */
  readonly receivedSha256: string | null;
  readonly outcome: LargeBody | { readonly refusal: PlainRefusal };
}

const port = parentPort;
port?.on('message', ({ id, message: { operation, bytes, isSigned } }: Numbered<BodyJob>) => {
  const receivedSha256 = isSigned ? createHash('sha256').update(bytes).digest('hex') : null;
  const outcome = read(operation, bytes);
  const reply: Numbered<BodyReply> = { id, message: { receivedSha256, outcome } };
  port.postMessage(reply, 'refusal' in outcome ? [] : [bytes.buffer]);
});

function read(operation: Operation, bytes: Uint8Array): BodyReply['outcome'] {
  try {
    return readLargeBody(operation, bytes);
  } catch (error) {
    return { refusal: toPlain(error) };
  }
}
