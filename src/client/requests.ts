import { APIError } from 'openai';
import type { OpenAI } from 'openai';
import type { RetryOptions } from '../domain/options.ts';
import type { RequestRecord } from '../domain/record.ts';
import { isFinal, pause, retryAfterMs } from './retries.ts';

export interface WaitOptions {
  /**
   * Counted from the call.
   *
   * @default 10 minutes
   */
  readonly timeoutMs?: number;
  /** Ends the waiting, not the request. */
  readonly signal?: AbortSignal;
}

/** The request did not end within the timeout. It continues. */
export class WaitTimeoutError extends Error {
  /** The last record that was read. Null when no poll was answered. */
  readonly record: RequestRecord | null;

  constructor(id: string, record: RequestRecord | null) {
    super(`request ${id} did not end within the timeout; it continues`);
    this.name = 'WaitTimeoutError';
    this.record = record;
  }
}

const TIMEOUT_MS = 600_000;
/** How long one poll is held: below the 60 s after which common proxies close a connection. */
const POLL_SECONDS = 30;
const AFTER_BAD_POLL_MS = 1_000;

/** Reads request records, and acts on requests. */
export class Requests {
  readonly #client: Pick<OpenAI, 'get' | 'post' | 'delete'>;

  constructor(client: Pick<OpenAI, 'get' | 'post' | 'delete'>) {
    this.#client = client;
  }

  /**
   * Reads the current record.
   *
   * @throws NotFoundError for an unknown id
   */
  async get(id: string): Promise<RequestRecord> {
    return this.#client.get<RequestRecord>(recordPath(id));
  }

  /**
   * Polls until the record is terminal. Failed polls (network, 408, 429, 5xx) are repeated. `Retry-After` is
   * respected.
   *
   * @throws WaitTimeoutError with the last record that was read; NotFoundError and other 4xx at once
   */
  async wait(id: string, { timeoutMs = TIMEOUT_MS, signal }: WaitOptions = {}): Promise<RequestRecord> {
    const untilMs = Date.now() + timeoutMs;
    let record: RequestRecord | null = null;
    for (;;) {
      const leftMs = untilMs - Date.now();
      if (leftMs <= 0) throw new WaitTimeoutError(id, record);
      const poll = await this.#poll(id, leftMs, signal);
      record = poll.record ?? record;
      if (record?.terminal === true) return record;
      await pause(Math.min(poll.pauseMs, Math.max(0, untilMs - Date.now())), signal);
    }
  }

  /**
   * Requests the cancellation of a request, and returns its record. The request ends as cancelled, unless its
   * result has already arrived. For a request that is already cancelled, returns its record.
   *
   * @throws ConflictError (`request_already_terminal`) for a completed or failed request; NotFoundError
   */
  async cancel(id: string): Promise<RequestRecord> {
    return this.#client.post<RequestRecord>(`${recordPath(id)}/cancel`);
  }

  /**
   * Runs a failed or cancelled request again under its id. `options` override those of its last run.
   * Repeating the call starts no further run; the client repeats it by itself when an answer is lost.
   *
   * @throws ConflictError (`request_already_completed`), NotFoundError
   */
  async retry(id: string, options: RetryOptions = {}): Promise<RequestRecord> {
    const { run } = await this.get(id);
    return this.#client.post<RequestRecord>(`${recordPath(id)}/retry`, { body: { run, reqrun: options } });
  }

  /**
   * Deletes a terminal request with all its runs.
   *
   * @throws ConflictError (`request_not_terminal`), NotFoundError
   */
  async delete(id: string): Promise<void> {
    await this.#client.delete(recordPath(id));
  }

  async #poll(
    id: string,
    leftMs: number,
    signal: AbortSignal | undefined,
  ): Promise<{ record: RequestRecord | null; pauseMs: number }> {
    const seconds = Math.max(0, Math.min(POLL_SECONDS, Math.floor(leftMs / 1000)));
    const ended = AbortSignal.timeout(leftMs + AFTER_BAD_POLL_MS);
    try {
      const { data, response } = await this.#client
        .get<RequestRecord>(recordPath(id), {
          query: { wait: seconds },
          maxRetries: 0,
          signal: signal === undefined ? ended : AbortSignal.any([signal, ended]),
        })
        .withResponse();
      // A held poll has already waited, so only a `Retry-After` causes a pause.
      return { record: data, pauseMs: seconds > 0 ? retryAfterMs(response.headers, 0) : AFTER_BAD_POLL_MS };
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof APIError) || isFinal(error.status)) throw error;
      return { record: null, pauseMs: retryAfterMs(error.headers, AFTER_BAD_POLL_MS) };
    }
  }
}

function recordPath(id: string): string {
  return `/requests/${encodeURIComponent(id)}`;
}
