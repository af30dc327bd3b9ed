import { randomUUID } from 'node:crypto';
import OpenAI, { type ClientOptions } from 'openai';
import type { DurableChat, DurableEmbeddings } from './durable-resources.ts';
import { OPERATION_NAMES, OPERATIONS } from '../domain/operations.ts';
import { Requests } from './requests.ts';
import { signedFetch } from './signed-fetch.ts';

/** OpenAI's client options, and what signs the calls of a key made with `--signed`. */
export interface KeyedOptions extends ClientOptions {
  readonly signingSecret?: string;
}

const DURABLE_PATHS: ReadonlySet<string> = new Set(
  OPERATION_NAMES.map((operation) => OPERATIONS[operation].upstreamPath),
);

type FinalOptions = Parameters<OpenAI['request']>[0] extends infer Options ? Awaited<Options> : never;

/**
 * The official client, sending one idempotency key per call and the same one with its own retries, so that
 * these never run the work twice. A key given in the body is the call's key.
 */
class KeyedOpenAI extends OpenAI {
  // The base class has this hook and leaves it unset.
  protected override idempotencyHeader = 'Idempotency-Key';
  /** What the base class is given otherwise, and so would lose. */
  readonly #signing: Pick<KeyedOptions, 'signingSecret' | 'fetch'> | null;

  /** @param signingSecret where the API key asks for signed calls: headers are not signed, so the key goes into the body */
  constructor({ signingSecret, ...options }: KeyedOptions) {
    super(
      signingSecret === undefined
        ? options
        : { ...options, fetch: signedFetch({ ...options, signingSecret }) },
    );
    const { fetch } = options;
    this.#signing =
      signingSecret === undefined ? null : { signingSecret, ...(fetch === undefined ? {} : { fetch }) };
    // Empty, it is not sent.
    if (this.#signing !== null) this.idempotencyHeader = '';
  }

  override withOptions(options: Partial<KeyedOptions>): this {
    // The base class would hand on the fetch that signs, and sign with it below another secret.
    return super.withOptions(
      this.#signing === null ? options : { fetch: globalThis.fetch, ...this.#signing, ...options },
    );
  }

  protected override async prepareOptions(options: FinalOptions): Promise<void> {
    await super.prepareOptions(options);
    const { body, path, method } = options;
    if (typeof body !== 'object' || body === null) return;
    const key = 'idempotency_key' in body ? body.idempotency_key : undefined;
    if (typeof key === 'string') options.idempotencyKey = key;
    // Kept in the options, which the client's own retries use again.
    else if (this.#signing !== null && method === 'post' && DURABLE_PATHS.has(path)) {
      options.body = { ...body, idempotency_key: options.idempotencyKey ?? randomUUID() };
    }
  }
}

/**
 * OpenAI's client options; `baseURL` defaults to a local ReqRun, `apiKey` to none, `signingSecret` to none (it
 * signs every call, for an API key made with `--signed`).
 */
export type ReqRunOptions = KeyedOptions;

const LOCAL = 'http://127.0.0.1:8080/v1';
/** The base class insists on a key; an open service ignores it. */
const NO_KEY = 'unused';

/** The base, without the parts whose types differ: a durable call has one answer more. */
const Base: new (options: KeyedOptions) => Omit<KeyedOpenAI, 'chat' | 'embeddings' | 'withOptions'> =
  KeyedOpenAI;

/** The official OpenAI client for a ReqRun service; everything it could do before, it still does. */
export class ReqRun extends Base {
  declare readonly chat: DurableChat;
  declare readonly embeddings: DurableEmbeddings;
  /** A copy with other options. */
  declare readonly withOptions: (options: Partial<ReqRunOptions>) => ReqRun;
  /** Records: read one, or wait for its end. */
  readonly requests: Requests;

  constructor(options: ReqRunOptions = {}) {
    super({ baseURL: LOCAL, apiKey: NO_KEY, ...options });
    this.requests = new Requests(this);
  }
}
