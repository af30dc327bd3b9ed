/** The body of an upstream call: in memory, or read while it is sent. */
export type CallBody = Uint8Array | StreamedBody;

/** A body that is read while it is sent, so that a large one takes no memory while the model works. */
export interface StreamedBody {
  readonly byteLength: number;
  stream(): AsyncIterable<Uint8Array>;
}

/** Headers as the SDK takes them. Null = none of this name is sent. */
type Headers = Readonly<Record<string, string | null>>;

interface SentCall {
  readonly body: Uint8Array | ReadableStream<Uint8Array>;
  readonly headers: Headers;
}

/**
 * The body and the headers of a call, as the SDK sends them.
 *
 * @param edit changes a body in memory. Null = it is sent as it is
 */
export function toSend(
  body: CallBody,
  headers: Headers,
  edit: ((body: Uint8Array) => Uint8Array) | null,
): SentCall {
  if (body instanceof Uint8Array) return { body: edit === null ? body : edit(body), headers };
  // Without the length the body would be sent in chunks, which many upstreams refuse.
  const length = { 'content-length': String(body.byteLength) };
  return { body: ReadableStream.from(body.stream()), headers: { ...headers, ...length } };
}
