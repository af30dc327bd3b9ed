import type { Socket } from 'node:net';
import { buildConnector, Pool } from 'undici';

/**
 * Limit for an answer's head, above curl's 300 KB. undici's default of 16 KB would reject answers that are
 * already paid for.
 */
export const MAX_HEAD_BYTES = 1024 * 1024;

const END_OF_HEAD = /\r?\n\r?\n/;
const STATUS_LINE = /^(HTTP\/1\.[01]) (\d{3})(?: ([^\r\n]*))?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)([ \t]*):[ \t]*([^]*?)[ \t]*$/;
/** The characters that undici's parser accepts in a field's value, in Latin-1. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Creates a pool for undici's `Agent` and `ProxyAgent` that rewrites the heads of answers into a form that
 * undici's parser accepts. The parser is stricter than curl, the official Python client and RFC 9112, and an
 * answer that it rejects is already paid for.
 */
export function tolerantPool(origin: string | URL, options: Pool.Options): Pool {
  const { connect } = options;
  const connector = typeof connect === 'function' ? connect : buildConnector({ allowH2: false, ...connect });
  return new Pool(origin, {
    ...options,
    connect: (target, callback) =>
      connector(target, (...result) => {
        const [error, socket] = result;
        // After an error, undici passes no socket.
        if (error === null && socket !== null) mendHeads(socket);
        callback(...result);
      }),
  });
}

/**
 * Replaces the socket's `read()`, through which undici takes an answer's bytes. One request is under way at a
 * time, so an answer begins after the bytes of its request.
 */
function mendHeads(socket: Socket): void {
  const read = socket.read.bind(socket);
  let written = 0;
  let head: HeadInParts | null = null;
  socket.read = (size?: number): Buffer | null => {
    // The answer may begin while bytes of its request are still being sent, so the parts already held are
    // kept.
    if (socket.bytesWritten !== written) head ??= { parts: [], bytes: 0 };
    written = socket.bytesWritten;
    const chunk: unknown = read(size);
    if (!Buffer.isBuffer(chunk)) return null;
    if (head === null) return chunk;
    const mended = mendHead(head, chunk);
    head = mended === null ? head : null;
    return mended;
  };
}

/** A head whose end has not arrived. Its parts are joined at its end. */
interface HeadInParts {
  parts: Buffer[];
  bytes: number;
}

/**
 * Removes interim answers and rewrites the head of the final one for undici's parser. Returns null if the
 * head's end has not arrived; `head` then holds the parts so far.
 */
function mendHead(head: HeadInParts, chunk: Buffer): Buffer | null {
  head.parts.push(chunk);
  head.bytes += chunk.length;
  const mayEnd = END_OF_HEAD.test(latin1(lastBytes(head.parts, chunk.length + 3)));
  if (head.bytes < MAX_HEAD_BYTES && isStart(head.parts) && !mayEnd) return null;
  const bytes = Buffer.concat(head.parts);
  const end = isStart(head.parts) ? END_OF_HEAD.exec(latin1(bytes.subarray(0, MAX_HEAD_BYTES))) : null;
  if (end === null) return bytes;
  const text = latin1(bytes.subarray(0, end.index));
  const rest = bytes.subarray(end.index + end[0].length);
  const status = STATUS_LINE.exec(text.split(/\r?\n/, 1)[0] ?? '')?.[2] ?? '';
  // RFC 9110, 15.2: a client must accept interim answers that it did not request. A 101 changes the protocol,
  // so it is not one of them.
  if (status.startsWith('1') && status !== '101') {
    [head.parts, head.bytes] = [[], 0];
    return rest.length === 0 ? null : mendHead(head, rest);
  }
  const mended = rewrite(text);
  return mended === null ? bytes : Buffer.concat([Buffer.from(mended, 'latin1'), rest]);
}

const latin1 = (bytes: Buffer): string => bytes.toString('latin1');

/** Whether the bytes may still be HTTP/1. undici's parser rejects anything else. */
function isStart(parts: readonly Buffer[]): boolean {
  const start = latin1(Buffer.concat(parts.slice(0, 8)).subarray(0, 8));
  return 'HTTP/1.1'.startsWith(start) || 'HTTP/1.0'.startsWith(start);
}

/**
 * Returns at least the last `count` bytes, if there are that many. The end of a head may be spread over parts
 * of one byte each.
 */
function lastBytes(parts: readonly Buffer[], count: number): Buffer {
  let from = parts.length;
  for (let bytes = 0; from > 0 && bytes < count; bytes += parts[from]?.length ?? 0) from -= 1;
  return Buffer.concat(parts.slice(from));
}

/**
 * Rewrites a head. Returns null if the head is valid or cannot be corrected. After a rewritten answer the
 * connection is closed.
 */
function rewrite(head: string): string | null {
  const [statusLine = '', ...lines] = head.replaceAll(/\r?\n[ \t]+/g, ' ').split(/\r?\n/);
  const [, version, status, phrase = ''] = STATUS_LINE.exec(statusLine) ?? [];
  if (version === undefined || status === undefined) return null;
  const fields = lines.flatMap((line) => {
    const [, name, gap, value] = FIELD.exec(line) ?? [];
    return name === undefined || value === undefined || !VALUE.test(value) ? [] : [{ name, value, gap }];
  });
  const kept = oneLength(fields);
  const isFine =
    VALUE.test(phrase) &&
    kept.length === lines.length &&
    fields.every(({ gap, value }, index) => gap === '' && kept[index]?.value === value) &&
    !/(?<!\r)\n|\n[ \t]/.test(head);
  if (isFine) return null;
  const others = kept.filter(({ name }) => !/^(connection|keep-alive)$/i.test(name));
  return [
    `${version} ${status} ${VALUE.test(phrase) ? phrase : ''}`,
    ...others.map(({ name, value }) => `${name}: ${value}`),
    'connection: close',
    '',
    '',
  ].join('\r\n');
}

interface Field {
  readonly name: string;
  readonly value: string;
}

/**
 * Reduces the length fields to one. RFC 9112, 6.3: chunked encoding overrides a length, and equal lengths
 * count as one. The obsolete transfer encoding `identity` is removed.
 */
function oneLength(fields: readonly Field[]): readonly Field[] {
  const isLength = ({ name }: Field): boolean => name.toLowerCase() === 'content-length';
  const isChunked = fields.some(
    ({ name, value }) => name.toLowerCase() === 'transfer-encoding' && /(^|,)\s*chunked$/i.test(value),
  );
  if (isChunked) return fields.filter((field) => !isLength(field));
  const plain = fields.filter(
    ({ name, value }) => name.toLowerCase() !== 'transfer-encoding' || value.toLowerCase() !== 'identity',
  );
  const lengths = new Set(plain.filter(isLength).flatMap(({ value }) => value.split(/[ \t]*,[ \t]*/)));
  if (lengths.size !== 1) return plain;
  const first = plain.findIndex(isLength);
  const value = [...lengths].join();
  return plain.flatMap((field, index) =>
    !isLength(field) ? [field] : index === first ? [{ name: field.name, value }] : [],
  );
}
