/** The answer's body is larger than can be stored, counted after decompression. */
export class ResponseTooLargeError extends Error {
  constructor() {
    super('the upstream response is too large');
    this.name = 'ResponseTooLargeError';
  }
}

/** Passes on at most `maxBytes` bytes, then breaks off with {@link ResponseTooLargeError}. */
export async function* cap(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.byteLength;
    if (seen > maxBytes) throw new ResponseTooLargeError();
    yield chunk;
  }
}

/** Whether this error, or one of its causes, is the cap's. */
export function isTooLarge(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth += 1) {
    if (cause instanceof ResponseTooLargeError) return true;
  }
  return false;
}
