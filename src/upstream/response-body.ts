import { pipeline, type Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';

type Bytes = AsyncIterable<Uint8Array>;

/** What {@link decodeBody} can undo, as an Accept-Encoding. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/** No upstream needs more than one, and each multiplies what a few bytes can grow to. */
const MAX_ENCODINGS = 5;

/** As curl and browsers do: a stream that breaks off ends there, and whoever reads what it held judges it. */
const ZLIB = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH };

const gunzip = (body: Bytes): Bytes => pipeline(body, createGunzip(ZLIB), ignore);

const DECODERS: ReadonlyMap<string, (body: Bytes) => Bytes> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['deflate', inflate],
  ['br', (body) => pipeline(body, createBrotliDecompress(BROTLI), ignore)],
]);

/**
 * The body without its content encodings, decoded only as far as it is read. Under an encoding that nobody
 * asked for the bytes stay as they came: JSON is JSON, and everything else is none. More than five encodings
 * fail the reading with a {@link ResponseTooLargeError}.
 */
export function decodeBody(body: Readable, contentEncoding: string): Bytes {
  const encodings = contentEncoding
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => encoding !== '' && encoding !== 'identity');
  if (encodings.length > MAX_ENCODINGS) return body.on('error', ignore).destroy(new ResponseTooLargeError());
  const decoders = encodings.flatMap((encoding) => DECODERS.get(encoding) ?? []);
  if (decoders.length < encodings.length) return body;
  return decoders.reduceRight<Bytes>((encoded, decode) => decode(encoded), body);
}

/** RFC 9110 means zlib's format by it; some servers send the bare one. The first byte tells them apart. */
async function* inflate(body: Bytes): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  const { value: first, done } = await chunks.next();
  if (done === true) return;
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield first;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  const isZlib = ((first[0] ?? 0) & 0x0f) === 0x08;
  yield* pipeline(whole(), isZlib ? createInflate(ZLIB) : createInflateRaw(ZLIB), ignore);
}

/** The reader of the last stream of a pipeline is told of its errors. */
function ignore(): void {}

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

/** As undici reads them: several of one name are a list. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export function toHeaders(headers: ResponseHeaders): Headers {
  return new Headers(
    Object.entries(headers).flatMap(([name, values = []]) =>
      [values].flat().map((value): [string, string] => [name, value]),
    ),
  );
}
