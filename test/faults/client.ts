import type { ClientOperation, SeenAnswer } from '../history/history.ts';

/** One call to ReqRun that is to be observed. */
export interface ClientCall {
  readonly url: string;
  readonly operation: ClientOperation;
  readonly key: string | null;
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

export function createObservingClient(): ObservingClient {
  const answers: SeenAnswer[] = [];
  return {
    answers,
    call: async (call) => {
      const startedMs = performance.now();
      const seen = await send(call).catch(() => NO_ANSWER);
      const { operation, key, sent = null } = call;
      const answer = { operation, key, sent, startedMs, endedMs: performance.now(), ...seen };
      answers.push(answer);
      return answer;
    },
  };
}

type Seen = Pick<SeenAnswer, 'status' | 'text' | 'id' | 'replayed' | 'failureCode'>;
const NO_ANSWER: Seen = { status: null, text: '', id: null, replayed: false, failureCode: null };

async function send({ url, operation, key, body, query = '', leaveAfterMs }: ClientCall): Promise<Seen> {
  const [method, path] = PATHS[operation](encodeURIComponent(key ?? ''));
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
