/** The headers of a signed request, in lower case as Node and fetch name them. */
export const SIGNATURE_HEADERS = {
  timestamp: 'x-reqrun-timestamp',
  nonce: 'x-reqrun-nonce',
  signature: 'x-reqrun-signature',
} as const;

/**
 * The prefix of the signature's hexadecimal digits. It identifies the signed text and the algorithm
 * (HMAC-SHA256).
 */
export const SIGNATURE_VERSION = 'v1=';

/** The parts of a request that a signature covers. */
export interface SignedParts {
  readonly method: string;
  /** The raw request target (path and query), as in the request line. */
  readonly target: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly nonce: string;
  /** The SHA-256 of the body, or of zero bytes when there is no body. Lower-case hex. */
  readonly bodySha256: string;
}

/** Builds the text that is signed. The typed client and the service both use this function. */
export function signedText({ method, target, timestamp, nonce, bodySha256 }: SignedParts): string {
  return [method, target, timestamp, nonce, bodySha256].join('\n');
}
