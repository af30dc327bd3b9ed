import { Worker } from 'node:worker_threads';

/** A thread for work that would hold up everything else in the process. It does its jobs one after the other. */
export interface WorkerThread<Job, Reply> {
  /**
   * Does one job.
   *
   * @param transfer buffers of the job that are handed over without a copy. They must not be used any more
   * @returns null if the thread has died: it ran out of memory, or has a defect
   */
  run(job: Job, transfer: readonly ArrayBuffer[]): Promise<Reply | null>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/** A message to or from a thread. */
export interface Numbered<T> {
  readonly id: number;
  readonly message: T;
}

/** The thread ends after so long without a job, because its memory is freed only with it. */
const IDLE_MS = 30_000;

/**
 * Creates the thread. It starts with the first job. It does not keep the process alive while it has nothing to do.
 *
 * @param entry the file of the thread. It answers each {@link Numbered} job with a reply of the same number
 */
export function createWorkerThread<Job, Reply>(entry: URL): WorkerThread<Job, Reply> {
  const jobs = new Map<number, (reply: Reply | null) => void>();
  let thread: Worker | null = null;
  let idle: NodeJS.Timeout | null = null;
  let lastId = 0;

  function start(): Worker {
    const started = new Worker(entry);
    started.on('message', ({ id, message }: Numbered<Reply>) => {
      jobs.get(id)?.(message);
      jobs.delete(id);
      if (jobs.size > 0) return;
      started.unref();
      idle = setTimeout(() => void end(), IDLE_MS).unref();
    });
    // It is followed by the exit.
    started.on('error', () => undefined);
    started.on('exit', () => {
      if (thread !== started) return;
      thread = null;
      for (const settle of jobs.values()) settle(null);
      jobs.clear();
    });
    return started;
  }

  async function end(): Promise<void> {
    const ended = thread;
    thread = null;
    await ended?.terminate();
  }

  return {
    run(job, transfer) {
      if (idle !== null) clearTimeout(idle);
      thread ??= start();
      thread.ref();
      const id = (lastId += 1);
      const { promise, resolve } = Promise.withResolvers<Reply | null>();
      jobs.set(id, resolve);
      thread.postMessage({ id, message: job } satisfies Numbered<Job>, [...transfer]);
      return promise;
    },
    close: end,
  };
}

/** The bytes with a buffer of their own, which can be handed over. A part of a larger buffer is copied. */
export function toTransfer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength;
  return isWhole ? new Uint8Array(buffer) : new Uint8Array(bytes);
}
