import type { ClientOperation, SeenAnswer } from '../history/history.ts';

/** One call to ReqRun that is to be observed. */
export interface ClientCall {
  readonly url: string;
  readonly operation: ClientOperation;
  readonly key: string | null;
  /** Speaks of the request as a Response, where its operation has such a route. False by default. */
  readonly isResponse?: boolean;
  readonly sent?: string;
  /** JSON. */
  readonly body?: string;
  readonly query?: string;
  /** The caller leaves after so long, whatever happens. */
  readonly leaveAfterMs?: number;
}

/** A client that remembers every answer. */
export interface ObservingClient {
  call(call: ClientCall): Promise<SeenAnswer>;
  readonly answers: readonly SeenAnswer[];
}

const GIVE_UP_MS = 60_000;
const PATHS: Readonly<Record<ClientOperation, (id: string) => readonly [method: string, path: string]>> = {
  post: () => ['POST', '/v1/chat/completions'],
  get: (id) => ['GET', `/v1/requests/${id}`],
  cancel: (id) => ['POST', `/v1/requests/${id}/cancel`],
  retry: (id) => ['POST', `/v1/requests/${id}/retry`],
  delete: (id) => ['DELETE', `/v1/requests/${id}`],
};

const RESPONSE_PATHS: typeof PATHS = {
  ...PATHS,
  post: () => ['POST', '/v1/responses'],
  get: (id) => ['GET', `/v1/responses/${id}`],
};

export function createObservingClient(): ObservingClient {
  const answers: SeenAnswer[] = [];
  return {
    answers,
    call: async (call) => {
      const startedMs = performance.now();
      const seen = await send(call).catch(() => NO_ANSWER);
      const { operation, key, sent = null, isResponse = false } = call;
      const answer = { operation, isResponse, key, sent, startedMs, endedMs: performance.now(), ...seen };
      answers.push(answer);
      return answer;
    },
  };
}

type Seen = Pick<SeenAnswer, 'status' | 'text' | 'id' | 'replayed' | 'failureCode'>;
const NO_ANSWER: Seen = { status: null, text: '', id: null, replayed: false, failureCode: null };

async function send(call: ClientCall): Promise<Seen> {
  const { url, operation, key, body, query = '', leaveAfterMs, isResponse = false } = call;
  const paths = isResponse ? RESPONSE_PATHS : PATHS;
  const [method, path] = paths[operation](encodeURIComponent(key ?? ''));
  const response = await fetch(url + path + query, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body }),
    signal: AbortSignal.timeout(leaveAfterMs ?? GIVE_UP_MS),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    id: response.headers.get('x-request-id'),
    replayed: response.headers.get('idempotent-replayed') === 'true',
    failureCode: response.headers.get('x-reqrun-error-code'),
  };
}
