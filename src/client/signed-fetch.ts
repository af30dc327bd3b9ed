import { createHash, createHmac, randomUUID } from 'node:crypto';
import { SIGNATURE_HEADERS, SIGNATURE_VERSION, signedText } from '../domain/signed-text.ts';

/** The `fetch` of a client. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface SigningOptions {
  /** `reqrun_sign_...`, shown once when the API key is created. */
  readonly signingSecret: string;
  /** @default the global fetch */
  readonly fetch?: Fetch | undefined;
}

/**
 * Creates a `fetch` that signs every request, for any client that accepts one, such as
 * `new OpenAI({ fetch: signedFetch({ signingSecret }) })`. Each request gets its own nonce, also one that a
 * client sends again. Bodies must be text or bytes.
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
  throw new TypeError('signedFetch signs only bodies that are text or bytes');
}
