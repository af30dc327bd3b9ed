import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Operation } from '../../domain/operations.ts';
import { overloaded, Refusal } from '../../domain/refusal.ts';
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
const THREAD = new URL(`./body-thread${extname(import.meta.url)}`, import.meta.url);
/** The thread ends after so long without a body, because its memory is only freed with it. */
const IDLE_MS = 30_000;

type Settle = (reply: BodyReply | null) => void;

/** Creates the reader. Its thread starts with the first large body. */
export function createBodyReader(): BodyReader {
  const jobs = new Map<number, Settle>();
  let thread: Worker | null = null;
  let idle: NodeJS.Timeout | null = null;
  let lastId = 0;

  function start(): Worker {
    const started = new Worker(THREAD);
    started.on('message', (reply: BodyReply) => {
      jobs.get(reply.id)?.(reply);
      if (jobs.size > 0) return;
      started.unref();
      idle = setTimeout(() => void end(), IDLE_MS).unref();
    });
    // It ran out of memory, or has a defect. The callers may try again.
    started.on('error', () => undefined);
    started.on('exit', () => {
      if (thread !== started) return;
      thread = null;
      for (const settle of [...jobs.values()]) settle(null);
    });
    return started;
  }

  async function end(): Promise<void> {
    const ended = thread;
    thread = null;
    await ended?.terminate();
  }

  function run(job: Omit<BodyJob, 'id'>): Promise<BodyReply | null> {
    if (idle !== null) clearTimeout(idle);
    thread ??= start();
    thread.ref();
    const id = (lastId += 1);
    const { promise, resolve } = Promise.withResolvers<BodyReply | null>();
    jobs.set(id, resolve);
    thread.postMessage({ ...job, id } satisfies BodyJob, [job.bytes.buffer]);
    return promise.finally(() => jobs.delete(id));
  }

  return {
    async read(operation, bytes, verify) {
      const reply = await run({ operation, bytes: toTransfer(bytes), isSigned: verify !== null });
      if (reply === null) throw overloaded();
      verify?.(reply.receivedSha256 ?? '');
      if (!('refusal' in reply.outcome)) return reply.outcome;
      const { code, message, param } = reply.outcome.refusal;
      throw new Refusal(code, { message, ...(param === null ? {} : { param }) });
    },
    close: end,
  };
}

/** The bytes with a buffer of their own, which can be handed over. */
function toTransfer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength;
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
