import { randomUUID } from 'node:crypto';
import OpenAI, { type ClientOptions } from 'openai';
import type {
  DurableChat,
  DurableCompletions,
  DurableEmbeddings,
  DurableImages,
  DurableModerations,
  DurableResponses,
} from './durable-resources.ts';
import { OPERATION_NAMES, OPERATIONS } from '../domain/operations.ts';
import { Requests } from './requests.ts';
import { resumingFetch } from './resuming-fetch.ts';
import { signedFetch } from './signed-fetch.ts';

/** OpenAI's client options, and the signing secret for an API key made with `--signed`. */
export interface KeyedOptions extends ClientOptions {
  readonly signingSecret?: string;
}

const DURABLE_PATHS: ReadonlySet<string> = new Set(
  OPERATION_NAMES.map((operation) => OPERATIONS[operation].upstreamPath),
);

type FinalOptions = Parameters<OpenAI['request']>[0] extends infer Options ? Awaited<Options> : never;

/**
 * The official client with one idempotency key per call. Its own retries send the same key, so they never run
 * the work twice. An `idempotency_key` in the body is used as the key of the call.
 */
class KeyedOpenAI extends OpenAI {
  // The base class declares this header name but does not set it.
  protected override idempotencyHeader = 'Idempotency-Key';
  /** The options as they were given, because the base class keeps them with its own `fetch` and without the secret. */
  readonly #given: Pick<KeyedOptions, 'signingSecret' | 'fetch'>;

  /**
   * Creates the client. With a signing secret the idempotency key is sent in the body, because headers are
   * not signed.
   *
   * @param signingSecret required when the API key was made with `--signed`
   */
  constructor({ signingSecret, ...options }: KeyedOptions) {
    const { fetch = globalThis.fetch } = options;
    const send = signingSecret === undefined ? fetch : signedFetch({ fetch, signingSecret });
    super({ ...options, fetch: resumingFetch(send) });
    this.#given = { fetch, ...(signingSecret === undefined ? {} : { signingSecret }) };
    // With an empty name the header is not sent.
    if (signingSecret !== undefined) this.idempotencyHeader = '';
  }

  override withOptions(options: Partial<KeyedOptions>): this {
    // Passes the original fetch. The base class would pass ours on, and the copy would sign twice, perhaps with
    // another secret, and join streams again twice.
    return super.withOptions({ ...this.#given, ...options });
  }

  protected override async prepareOptions(options: FinalOptions): Promise<void> {
    await super.prepareOptions(options);
    const { body, path, method } = options;
    if (typeof body !== 'object' || body === null) return;
    const key = 'idempotency_key' in body ? body.idempotency_key : undefined;
    if (typeof key === 'string') options.idempotencyKey = key;
    // Set in the options, because the client's own retries reuse them.
    else if (this.#given.signingSecret !== undefined && method === 'post' && DURABLE_PATHS.has(path)) {
      options.body = { ...body, idempotency_key: options.idempotencyKey ?? randomUUID() };
    }
  }
}

/**
 * Options of the client: OpenAI's, with other defaults, and `signingSecret`. `baseURL` defaults to a local
 * ReqRun, and `apiKey` to none. `signingSecret` signs every call, for an API key made with `--signed`; it
 * defaults to none.
 */
export type ReqRunOptions = KeyedOptions;

const LOCAL = 'http://127.0.0.1:8080/v1';
/** The base class requires a key; an open service ignores it. */
const NO_KEY = 'unused';

/**
 * The base class without the members whose types differ here: a durable call has one more possible answer.
 */
const Base: new (options: KeyedOptions) => Omit<KeyedOpenAI, DurableResource | 'withOptions'> = KeyedOpenAI;
type DurableResource = 'chat' | 'completions' | 'embeddings' | 'images' | 'moderations' | 'responses';

/** The official OpenAI client for a ReqRun service. Everything else of it works as before. */
export class ReqRun extends Base {
  declare readonly chat: DurableChat;
  declare readonly completions: DurableCompletions;
  declare readonly embeddings: DurableEmbeddings;
  declare readonly images: DurableImages;
  declare readonly moderations: DurableModerations;
  declare readonly responses: DurableResponses;
  /** Creates a copy of the client with other options. */
  declare readonly withOptions: (options: Partial<ReqRunOptions>) => ReqRun;
  /** Reads request records and acts on requests. */
  readonly requests: Requests;

  constructor(options: ReqRunOptions = {}) {
    super({ baseURL: LOCAL, apiKey: NO_KEY, ...options });
    this.requests = new Requests(this);
  }
}
