import { extname } from 'node:path';
import type { Operation } from '../../domain/operations.ts';
import { overloaded, Refusal } from '../../domain/refusal.ts';
import { createWorkerThread, toTransfer } from '../../threads/worker-thread.ts';
import type { BodyJob, BodyReply } from './body-thread.ts';
import type { LargeBody } from './json-body.ts';

/** A body over this size is read in a thread, because reading it would hold up every other call of the process. */
export const LARGE_BODY_BYTES = 1024 * 1024;

/** Reads large bodies, one after the other. */
export interface BodyReader {
  /**
   * Reads a body. The bytes must not be used any more, because they are handed over to the thread.
   *
   * @param verify checks the signature over the received bytes, by their SHA-256. Null = the request is not signed
   * @throws Refusal for a body that is not accepted; `overloaded` if the thread has died
   */
  read(
    operation: Operation,
    bytes: Uint8Array,
    verify: ((receivedSha256: string) => void) | null,
  ): Promise<LargeBody>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/** `.ts` in a clone, `.js` in the installed package. */
const ENTRY = new URL(`./body-thread${extname(import.meta.url)}`, import.meta.url);

/** Creates the reader. Its thread starts with the first large body. */
export function createBodyReader(): BodyReader {
  const thread = createWorkerThread<BodyJob, BodyReply>(ENTRY);
  return {
    async read(operation, received, verify) {
      const bytes = toTransfer(received);
      const reply = await thread.run({ operation, bytes, isSigned: verify !== null }, [bytes.buffer]);
      if (reply === null) throw overloaded();
      verify?.(reply.receivedSha256 ?? '');
      if (!('refusal' in reply.outcome)) return reply.outcome;
      const { code, message, param } = reply.outcome.refusal;
      throw new Refusal(code, { message, ...(param === null ? {} : { param }) });
    },
    close: thread.close,
  };
}
