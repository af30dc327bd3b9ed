import type { ClientSettings } from '../config-client.ts';
import { OPERATIONS, type Operation } from '../domain/operations.ts';
import type { RetryOptions } from '../domain/options.ts';
import { ReqRun } from '../client/index.ts';

/** An answer of the API, as it came. */
export interface Document {
  readonly status: number;
  readonly text: string;
  /** The id of the record, wherever the answer is about one. */
  readonly requestId: string | null;
}

/** The calls that the command line makes. Answers keep their text, because numbers keep their digits in it. */
export interface Api {
  create(operation: Operation, body: string, key: string): Promise<Document>;
  /**
   * Reads a record.
   *
   * @param holdSeconds how long the service may hold the answer for the end of the request
   * @param tries further tries if the service does not answer
   */
  read(id: string, holdSeconds: number, tries: number, signal?: AbortSignal): Promise<Document>;
  cancel(id: string): Promise<Document>;
  retry(id: string, run: number, options: RetryOptions): Promise<Document>;
  delete(id: string): Promise<Document>;
}

/** Further tries of a call whose answer is a 429 or 5xx or does not come, as the official client makes them. */
export const TRIES = 2;
/** Time for an answer that is not held. */
const ANSWER_MS = 20_000;
/** A POST whose body asks for a wait is held for up to 240 s. */
const HELD_POST_MS = 300_000;

/** Creates the calls on the typed client, which signs them, and repeats them with the same key. */
export function createApi({ url, apiKey, signingSecret }: ClientSettings): Api {
  const client = new ReqRun({
    baseURL: withVersion(url),
    // Variables of the official client are for the upstream, not for ReqRun.
    organization: null,
    project: null,
    maxRetries: TRIES,
    timeout: ANSWER_MS,
    ...(apiKey === null ? {} : { apiKey }),
    ...(signingSecret === null ? {} : { signingSecret }),
  });
  const path = (id: string): string => `/requests/${encodeURIComponent(id)}`;
  return {
    create: (operation, body, idempotencyKey) =>
      toDocument(
        client
          .post(OPERATIONS[operation].upstreamPath, {
            body,
            headers: { 'content-type': 'application/json' },
            idempotencyKey,
            timeout: HELD_POST_MS,
          })
          .asResponse(),
      ),
    read: (id, holdSeconds, maxRetries, signal) =>
      toDocument(
        client
          .get(path(id), {
            ...(holdSeconds > 0 ? { query: { wait: holdSeconds } } : {}),
            timeout: ANSWER_MS + holdSeconds * 1000,
            maxRetries,
            ...(signal === undefined ? {} : { signal }),
          })
          .asResponse(),
      ),
    cancel: (id) => toDocument(client.post(`${path(id)}/cancel`).asResponse()),
    retry: (id, run, reqrun) =>
      toDocument(client.post(`${path(id)}/retry`, { body: { run, reqrun } }).asResponse()),
    delete: (id) => toDocument(client.delete(path(id)).asResponse()),
  };
}

async function toDocument(answer: Promise<Response>): Promise<Document> {
  const response = await answer;
  return {
    status: response.status,
    text: await response.text(),
    requestId: response.headers.get('x-request-id'),
  };
}

/** The address of the API's version. It may stand in the address already, as the SDKs need it. */
function withVersion(url: string): string {
  const bare = url.replace(/\/+$/, '');
  return bare.endsWith('/v1') ? bare : `${bare}/v1`;
}
