/** The headers of a signed request, as Node and fetch name them. */
export const SIGNATURE_HEADERS = {
  timestamp: 'x-reqrun-timestamp',
  nonce: 'x-reqrun-nonce',
  signature: 'x-reqrun-signature',
} as const;

/** Stands before the signature's hexadecimal digits: which text was signed, and how (HMAC-SHA256). */
export const SIGNATURE_VERSION = 'v1=';

/** What a signature holds together. */
export interface SignedParts {
  readonly method: string;
  /** The raw request target, path and query, as it stands in the request line. */
  readonly target: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly nonce: string;
  /** Of the body's bytes; of none where there is no body. Lower-case hex. */
  readonly bodySha256: string;
}

/** The text that is signed. The one place that knows it: callers and service both read it here. */
export function signedText({ method, target, timestamp, nonce, bodySha256 }: SignedParts): string {
  return [method, target, timestamp, nonce, bodySha256].join('\n');
}
