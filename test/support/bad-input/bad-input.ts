import type { RefusalCode } from '../../../src/domain/error-catalogue.ts';

/** Stands in whatever is refused; no answer may repeat it. */
export const CANARY = 'canary-5f2d8c71';

/** One thing that nobody should send, byte for byte, and its answer. */
export interface BadInput {
  readonly row: string;
  readonly title: string;
  readonly request: Buffer;
  readonly status: number;
  readonly code: RefusalCode;
  /** The field that the answer names. */
  readonly param: string | null;
  /** Whether the caller closes its half after sending. */
  readonly endAfterRequest: boolean;
}

type Expected = readonly [status: number, code: RefusalCode, param?: string];

export function bad(
  row: number,
  title: string,
  request: Buffer,
  [status, code, param]: Expected,
  { endAfterRequest = false } = {},
): BadInput {
  return { row: String(row), title, request, status, code, param: param ?? null, endAfterRequest };
}

/** A request as text, one line each; characters are bytes (latin1). */
export function http(lines: readonly string[], body: string | Buffer = ''): Buffer {
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return Buffer.concat([head, typeof body === 'string' ? Buffer.from(body) : body]);
}

export const HOST = 'Host: 127.0.0.1';
export const JSON_TYPE = 'Content-Type: application/json';

/** A chat completion with whatever body; `headers` go beside Host and Content-Length. */
export function postText(body: string | Buffer, headers: readonly string[] = [JSON_TYPE]): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return http(['POST /v1/chat/completions HTTP/1.1', HOST, length, ...headers], body);
}

/** A minimal body whose prompt is the canary, with `fields` over it. */
export function bodyWith(fields: object = {}): string {
  return JSON.stringify({ model: CANARY, messages: [{ role: 'user', content: CANARY }], ...fields });
}

/** A minimal body with a further member, as JSON text. */
export function bodyWithText(member: string): string {
  return bodyWith().replace(/\}$/, `,${member}}`);
}

export function postFields(fields: object, headers: readonly string[] = []): Buffer {
  return postText(bodyWith(fields), [JSON_TYPE, ...headers]);
}

export function getText(target: string, headers: readonly string[] = []): Buffer {
  return http([`GET ${target} HTTP/1.1`, HOST, ...headers]);
}
