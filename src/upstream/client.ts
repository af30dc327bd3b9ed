import OpenAI, { APIError } from 'openai';
import { isObject } from '../domain/run.ts';
import { Retry, type UpstreamFailure } from '../domain/upstream-failure.ts';
import { Phase } from '../domain/words.ts';
import { createCappedFetch, ResponseTooLargeError } from './capped-fetch.ts';
import { classifyBody } from './classify-body.ts';
import { classifyError } from './classify-error.ts';
import { classifyStatus, requestIdOf } from './classify-status.ts';
import { LOST, row } from './failure.ts';

export interface UpstreamSettings {
  readonly baseURL: string;
  /** Null = no Authorization header is sent, as local servers need none. */
  readonly apiKey: string | null;
  /** Of the decoded body. */
  readonly maxResponseBytes: number;
  readonly connectTimeoutMs?: number;
}

export interface UpstreamCallInput {
  /** Sent as it is. */
  readonly body: Uint8Array;
  /** With the attempt, sent as X-Client-Request-Id, which an upstream's support can look up. */
  readonly requestId: string;
  readonly attempt: number;
  /** Ends the call; there is no other limit. */
  readonly signal: AbortSignal;
}

export type UpstreamAnswer =
  | {
      readonly kind: 'completed';
      /** The decoded body, unchanged. */
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
  const capped = createCappedFetch(settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS, settings.maxResponseBytes);

  async function post(call: UpstreamCallInput, progress: (phase: Phase) => void): Promise<Response> {
    const client = new OpenAI({
      baseURL: settings.baseURL,
      apiKey: settings.apiKey ?? 'none',
      organization: null,
      project: null,
      webhookSecret: null,
      logLevel: 'off',
      maxRetries: 0,
      timeout: NO_TIMEOUT_MS,
      defaultHeaders: settings.apiKey === null ? { authorization: null } : {},
      fetch: async (url, init) => {
        progress(Phase.request);
        const response = await capped.fetch(url, init);
        progress(Phase.headers);
        return response;
      },
    });
    return client
      .post('/chat/completions', {
        body: call.body,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'X-Client-Request-Id': `${call.requestId}/${call.attempt}`,
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
      try {
        response = await post(call, (reached) => {
          phase = reached;
        });
        if (response.status === 204 || response.body === null) {
          return failed(withAnswer(row({ code: 'upstream_invalid_response', retry: Retry.twice }), response));
        }
        phase = Phase.body;
        const bytes = new Uint8Array(await response.arrayBuffer());
        const failure = classifyBody(bytes, response.headers);
        if (failure !== null) return failed(withAnswer(failure, response));
        return { kind: 'completed', bytes, status: response.status, requestId: requestIdOf(response.headers) };
      } catch (error) {
        if (isTooLarge(error)) {
          const tooLarge = row({ code: 'upstream_response_too_large', ...LOST, retry: Retry.never, phase: Phase.body });
          return failed(response === null ? tooLarge : withAnswer(tooLarge, response));
        }
        if (error instanceof APIError && error.status !== undefined) {
          const refused = { status: error.status, headers: error.headers ?? new Headers(), error: errorObject(error) };
          return failed(classifyStatus(refused, Date.now()));
        }
        const upstreamStatus = response?.status ?? null;
        const upstreamRequestId = response === null ? null : requestIdOf(response.headers);
        const aborted = call.signal.aborted;
        return failed(classifyError(error, { phase, aborted, upstreamStatus, upstreamRequestId }));
      }
    },
  };
}

function failed(failure: UpstreamFailure): UpstreamAnswer {
  return { kind: 'failed', failure };
}

function withAnswer(failure: UpstreamFailure, { status, headers }: Response): UpstreamFailure {
  return { ...failure, phase: Phase.body, upstreamStatus: status, upstreamRequestId: requestIdOf(headers) };
}

/** The body's `error`, where it was JSON; the SDK hands it on already unwrapped. */
function errorObject(error: APIError): Record<string, unknown> {
  return isObject(error.error) ? error.error : {};
}

function isTooLarge(error: unknown): boolean {
  return (
    error instanceof ResponseTooLargeError ||
    (error instanceof Error && isTooLarge(error.cause)) ||
    // undici's own cap of five encodings has no code.
    (error instanceof Error && error.message.startsWith('too many content-encodings'))
  );
}
