import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { parseLeniently } from '../domain/lenient-json.ts';

type Bytes = AsyncIterable<Uint8Array>;
type Decoder = NodeJS.ReadWriteStream;

/** The Accept-Encoding that is sent: the encodings that {@link decodeBody} can decode. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

/**
 * Most content encodings of one answer. No upstream needs more than one, and each one multiplies the size
 * that a few bytes can decode to.
 */
const MAX_ENCODINGS = 5;

/**
 * Fewest encoded bytes that show that a stream ends early. On fewer, a decoder also waits for more when they
 * are of another format: the header of gzip alone has 10 bytes.
 */
const MIN_EVIDENCE_BYTES = 16;

/** Passes decoded bytes on at once, so that they are not lost if the stream breaks off. */
const ZLIB = { flush: constants.Z_SYNC_FLUSH };
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH };

/**
 * The decoders of each encoding, in the order in which they are tried. By deflate RFC 9110 means the zlib
 * format, but some servers send the raw format.
 */
const DECODERS: ReadonlyMap<string, readonly (() => Decoder)[]> = new Map([
  ['gzip', [() => createGunzip(ZLIB)]],
  ['x-gzip', [() => createGunzip(ZLIB)]],
  ['deflate', [() => createInflate(ZLIB), () => createInflateRaw(ZLIB)]],
  ['br', [() => createBrotliDecompress(BROTLI)]],
]);

/**
 * Returns the decoded body, at most `maxBytes` of it. If the bytes do not match an encoding, or ReqRun did
 * not request the encoding, they are returned unchanged: they may be plain JSON under a wrong label. Fails
 * with a {@link ResponseTooLargeError}, also for more than five encodings, and with a {@link
 * TruncatedBodyError}.
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

/**
 * Collects the whole body before it decodes, because only the end of the body shows which encoding the bytes
 * match.
 */
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
      if (isUnfinished(error)) {
        // If the decoded bytes are complete JSON, they are the answer. The same holds if the encoded bytes are
        // JSON under a wrong label.
        const whole = [Buffer.concat(decoded), encoded].find(isJson);
        if (whole !== undefined) return whole;
        if (encoded.length >= MIN_EVIDENCE_BYTES) throw new TruncatedBodyError();
      }
    }
  }
  return encoded;
}

function isJson(bytes: Uint8Array): boolean {
  return parseLeniently(new TextDecoder().decode(bytes)) !== undefined;
}

/** Whether zlib or brotli reports that its input ended early. */
function isUnfinished(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'Z_BUF_ERROR';
}

/** Ignores a stream error, because the reader of the last stream gets it. */
function ignore(): void {}

async function collect(body: Bytes): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The compressed body ends before the end of its stream. */
export class TruncatedBodyError extends Error {
  constructor() {
    super('the upstream response is truncated');
    this.name = 'TruncatedBodyError';
  }
}

/** The body of the answer, after decompression, is larger than ReqRun can store. */
export class ResponseTooLargeError extends Error {
  constructor() {
    super('the upstream response is too large');
    this.name = 'ResponseTooLargeError';
  }
}

/** Passes on at most `maxBytes` bytes, then fails with {@link ResponseTooLargeError}. */
export async function* cap(body: Bytes, maxBytes: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of body) {
    seen += chunk.byteLength;
    if (seen > maxBytes) throw new ResponseTooLargeError();
    yield chunk;
  }
}

/** Whether the error or one of its causes is a {@link ResponseTooLargeError}. */
export function isTooLarge(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 8; cause = cause.cause, depth += 1) {
    if (cause instanceof ResponseTooLargeError) return true;
  }
  return false;
}

/** Headers in undici's form: several values of one name are a list. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export function toHeaders(headers: ResponseHeaders): Headers {
  return new Headers(
    Object.entries(headers).flatMap(([name, values = []]) =>
      [values].flat().map((value): [string, string] => [name, value]),
    ),
  );
}
