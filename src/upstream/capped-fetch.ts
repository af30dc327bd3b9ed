import { Agent, fetch as undiciFetch } from 'undici';

/** The answer's body is larger than can be stored, counted after decompression. */
export class ResponseTooLargeError extends Error {
  constructor() {
    super('the upstream response is too large');
    this.name = 'ResponseTooLargeError';
  }
}

export interface CappedFetch {
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  close(): Promise<void>;
}

/**
 * A fetch without undici's own limits (a model may think for longer than its 300 s), without redirects and
 * with a cap on the decoded body: undici counts none, and its compressed bytes may be a bomb.
 */
export function createCappedFetch(connectTimeoutMs: number, maxBytes: number): CappedFetch {
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: null,
    connect: { timeout: connectTimeoutMs },
  });
  return {
    close: () => agent.destroy(),
    fetch: async (url, init) => {
      const { body, ...head } = await undiciFetch(String(url), {
        method: init?.method ?? 'POST',
        headers: [...new Headers(init?.headers)],
        body: init?.body instanceof Uint8Array || typeof init?.body === 'string' ? init.body : null,
        signal: init?.signal ?? null,
        redirect: 'manual',
        dispatcher: agent,
      }).then((response) => ({ body: response.body, status: response.status, headers: [...response.headers] }));
      return toResponse(head, body === null ? null : body.pipeThrough(cap(maxBytes)));
    },
  };
}

/** A Response with any status: the constructor refuses those outside 200 to 599, the wire does not. */
function toResponse(
  { status, headers }: { status: number; headers: [string, string][] },
  body: ReadableStream<Uint8Array> | null,
): Response {
  const bodiless = status === 204 || status === 205 || status === 304;
  const legal = status >= 200 && status <= 599;
  const response = new Response(bodiless ? null : body, { status: legal ? status : 599, headers });
  return legal ? response : Object.defineProperty(response, 'status', { value: status });
}

function cap(maxBytes: number): TransformStream<Uint8Array, Uint8Array> {
  let seen = 0;
  return new TransformStream({
    transform(chunk, controller) {
      seen += chunk.byteLength;
      if (seen > maxBytes) controller.error(new ResponseTooLargeError());
      else controller.enqueue(chunk);
    },
  });
}
