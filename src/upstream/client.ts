import OpenAI from 'openai';
import { type Operation, OPERATIONS } from '../domain/operations.ts';
import type { HttpProxy } from '../domain/proxy.ts';
import type { UpstreamFailure } from '../domain/upstream-failure.ts';
import { Phase } from '../domain/vocabulary.ts';
import { createTransport } from './transport.ts';
import { classifyAnswer, classifyThrown } from './classify.ts';
import { requestIdOf } from './error-object.ts';

export interface UpstreamSettings {
  readonly baseURL: string;
  /** Null = no Authorization header is sent, as local servers need none. */
  readonly apiKey: string | null;
  /** Of the decoded body. */
  readonly maxResponseBytes: number;
  /** Name resolution and TLS included; through a proxy, for each of its three steps. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** What the calls go through; null or left out = none, whatever the environment says. */
  readonly proxy?: HttpProxy | null;
  /** Sent with every call, over what we and the SDK would send; by names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the SDK's `x-stainless-*` headers are sent. Default true. */
  readonly sdkHeaders?: boolean;
}

export interface UpstreamCallInput {
  readonly operation: Operation;
  /** Sent as it is. */
  readonly body: Uint8Array;
  /** Sent as X-Client-Request-Id, which an upstream's support can look up. */
  readonly clientRequestId: string;
  /** Ends the call; there is no other limit. */
  readonly signal: AbortSignal;
}

export type UpstreamAnswer =
  | {
      readonly kind: 'completed';
      /** The decoded body, unchanged but for a byte order mark, which JSON does not allow. */
      readonly bytes: Uint8Array;
      readonly status: number;
      readonly requestId: string | null;
    }
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure };

export interface Upstream {
  /** One call, one HTTP request, never an exception: what went wrong is the answer. */
  complete(call: UpstreamCallInput): Promise<UpstreamAnswer>;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** The SDK's own timeout is out of the way: the caller's signal ends a call. setTimeout's maximum. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** The OpenAI-compatible upstream, called with the official client: no retries, nothing from its environment. */
export function createUpstream(settings: UpstreamSettings): Upstream {
  const capped = createTransport({
    connectTimeoutMs: settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    maxBytes: settings.maxResponseBytes,
    proxy: settings.proxy ?? null,
    headers: settings.headers ?? {},
    sdkHeaders: settings.sdkHeaders ?? true,
  });

  // One for all calls: each holds a hundred objects of its resources, for as long as a model thinks.
  const client = new OpenAI({
    baseURL: settings.baseURL,
    apiKey: settings.apiKey ?? 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    fetch: capped.fetch,
  });

  async function post(call: UpstreamCallInput): Promise<Response> {
    return client
      .post(OPERATIONS[call.operation].upstreamPath, {
        body: call.body,
        headers: {
          // Here, and not left to the client: what a call says wins over OPENAI_CUSTOM_HEADERS.
          authorization: settings.apiKey === null ? null : `Bearer ${settings.apiKey}`,
          'content-type': 'application/json',
          accept: 'application/json',
          'X-Client-Request-Id': call.clientRequestId,
        },
        signal: call.signal,
      })
      .asResponse();
  }

  return {
    close: () => capped.close(),
    async complete(call) {
      let phase: Phase = Phase.connect;
      let response: Response | null = null;
      const received: Uint8Array[] = [];
      try {
        response = await capped.reporting(
          (reached) => (phase = reached),
          () => post(call),
        );
        const { status, headers } = response;
        phase = Phase.body;
        for await (const chunk of response.body ?? []) received.push(chunk);
        const bytes = withoutMark(Buffer.concat(received));
        const failure = classifyAnswer(call.operation, { status, headers, bytes }, Date.now());
        return failure === null
          ? { kind: 'completed', bytes, status, requestId: requestIdOf(headers) }
          : { kind: 'failed', failure };
      } catch (error) {
        const aborted = call.signal.aborted;
        const answer =
          response === null
            ? null
            : { status: response.status, headers: response.headers, bytes: Buffer.concat(received) };
        return { kind: 'failed', failure: classifyThrown({ error, phase, aborted, answer }, Date.now()) };
      }
    },
  };
}

function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
