import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { parseLeniently } from '../domain/lenient-json.ts';

type Bytes = AsyncIterable<Uint8Array>;
type Decoder = NodeJS.ReadWriteStream;

/** What {@link decodeBody} can undo, as an Accept-Encoding. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/** No upstream needs more than one, and each multiplies what a few bytes can grow to. */
const MAX_ENCODINGS = 5;

/** Whatever is decoded is handed on at once, so that it is not lost with a stream that breaks off. */
const ZLIB = { flush: constants.Z_SYNC_FLUSH };
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH };

/** Of one encoding, in the order of trying: RFC 9110 means zlib's format by deflate; some servers send the bare one. */
const DECODERS: ReadonlyMap<string, readonly (() => Decoder)[]> = new Map([
  ['gzip', [() => createGunzip(ZLIB)]],
  ['x-gzip', [() => createGunzip(ZLIB)]],
  ['deflate', [() => createInflate(ZLIB), () => createInflateRaw(ZLIB)]],
  ['br', [() => createBrotliDecompress(BROTLI)]],
]);

/**
 * The body without its content encodings, at most `maxBytes` of it. Bytes that an encoding does not fit, or that
 * came under one that nobody asked for, stay as they came: JSON under a wrong label is JSON, and everything else is
 * none. Fails with a {@link ResponseTooLargeError}, also for more than five encodings, and with a
 * {@link TruncatedBodyError}.
 */
export function decodeBody(body: Readable, contentEncoding: string, maxBytes: number): Bytes {
  const encodings = contentEncoding
    .split(',')
    .map((encoding) => encoding.trim().toLowerCase())
    .filter((encoding) => encoding !== '' && encoding !== 'identity');
  if (encodings.length > MAX_ENCODINGS) return body.on('error', ignore).destroy(new ResponseTooLargeError());
  const decoders = encodings.flatMap((encoding) => {
    const known = DECODERS.get(encoding);
    return known === undefined ? [] : [known];
  });
  const isPlain = decoders.length === 0 || decoders.length < encodings.length;
  return isPlain ? cap(body, maxBytes) : decodeWhole(body, decoders, maxBytes);
}

/** Not as it comes in: which bytes an encoding fits is known at the end. */
async function* decodeWhole(
  body: Readable,
  encodings: readonly (readonly (() => Decoder)[])[],
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let bytes = await collect(cap(body, maxBytes));
  for (const decoders of encodings.toReversed()) bytes = await undo(decoders, bytes, maxBytes);
  yield bytes;
}

async function undo(
  decoders: readonly (() => Decoder)[],
  encoded: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  if (encoded.length === 0) return encoded;
  for (const decoder of decoders) {
    const decoded: Uint8Array[] = [];
    try {
      await pipeline(
        Readable.from([encoded]),
        decoder(),
        (plain: Bytes) => cap(plain, maxBytes),
        async (plain: Bytes) => {
          for await (const chunk of plain) decoded.push(chunk);
        },
      );
      return Buffer.concat(decoded);
    } catch (error) {
      if (isTooLarge(error)) throw error;
      // Only the end is missing: an answer that is complete without it is complete. So is one under a wrong label.
      if (isUnfinished(error)) {
        const whole = [Buffer.concat(decoded), encoded].find(isJson);
        if (whole === undefined) throw new TruncatedBodyError();
        return whole;
      }
    }
  }
  return encoded;
}

function isJson(bytes: Uint8Array): boolean {
  return parseLeniently(new TextDecoder().decode(bytes)) !== undefined;
}

/** zlib's and brotli's word for an input that ends before its end. */
function isUnfinished(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'Z_BUF_ERROR';
}

/** The reader of the last stream of a pipeline is told of its errors. */
function ignore(): void {}

async function collect(body: Bytes): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The body's compression ends before its end. */
export class TruncatedBodyError extends Error {
  constructor() {
    super('the upstream response is truncated');
    this.name = 'TruncatedBodyError';
  }
}

/** The answer's body is larger than can be stored, counted after decompression. */
export class ResponseTooLargeError extends Error {
  constructor() {
    super('the upstream response is too large');
    this.name = 'ResponseTooLargeError';
  }
}

/** Passes on at most `maxBytes` bytes, then breaks off with {@link ResponseTooLargeError}. */
async function* cap(body: Bytes, maxBytes: number): AsyncGenerator<Uint8Array> {
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
