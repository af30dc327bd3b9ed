import { createHash, createHmac, randomUUID } from 'node:crypto';
import { SIGNATURE_HEADERS, SIGNATURE_VERSION, signedText } from '../domain/signed-text.ts';

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface SigningOptions {
  /** `reqrun_sign_...`, shown when the API key was made. */
  readonly signingSecret: string;
  /** @default the global one */
  readonly fetch?: Fetch | undefined;
}

/**
 * A `fetch` that signs every request, for any client that takes one: `new OpenAI({ fetch: signedFetch({ signingSecret }) })`.
 * Each request gets a nonce of its own, also the ones a client sends again. Bodies are text or bytes.
 */
export function signedFetch({ signingSecret, fetch = globalThis.fetch }: SigningOptions): Fetch {
  return async (input, init = {}) => {
    if (input instanceof Request) throw new TypeError('signedFetch takes a URL, not a Request');
    const url = new URL(input);
    const timestamp = new Date().toISOString();
    const nonce = randomUUID();
    const text = signedText({
      method: (init.method ?? 'GET').toUpperCase(),
      target: url.pathname + url.search,
      timestamp,
      nonce,
      bodySha256: createHash('sha256').update(bytesOf(init.body)).digest('hex'),
    });
    const headers = new Headers(init.headers);
    headers.set(SIGNATURE_HEADERS.timestamp, timestamp);
    headers.set(SIGNATURE_HEADERS.nonce, nonce);
    headers.set(
      SIGNATURE_HEADERS.signature,
      SIGNATURE_VERSION + createHmac('sha256', signingSecret).update(text).digest('hex'),
    );
    return fetch(url, { ...init, headers });
  };
}

function bytesOf(body: RequestInit['body']): string | Uint8Array {
  if (body === undefined || body === null) return '';
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  throw new TypeError('signedFetch signs bodies of text or bytes');
}
