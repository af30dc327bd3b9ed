import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Agent, type Dispatcher, fetch } from 'undici';
import { type HttpProxy, type ProxySettings, proxyFor } from '../domain/proxy.ts';
import { createTunnelAgent } from '../upstream/tunnel.ts';

/** What a download is made with. */
export interface HttpSettings {
  readonly proxies: ProxySettings;
  /** Time for each step up to the first byte: connecting, the proxy's tunnel, the head of the answer. */
  readonly firstByteMs: number;
  readonly signal: AbortSignal;
}

/** A file on a server. */
export interface RemoteFile {
  readonly url: string;
  /** Value of the header `Authorization`. Null = none. */
  readonly authorization: string | null;
}

/** The server answered with a status that is not 200. */
export class HttpStatusError extends Error {
  readonly status: number;

  constructor(status: number, url: string) {
    super(`${url} answered ${status}`);
    this.name = 'HttpStatusError';
    this.status = status;
  }
}

/**
 * Downloads a small text.
 *
 * @throws HttpStatusError; Error if there is no answer
 */
export async function downloadText(file: RemoteFile, settings: HttpSettings): Promise<string> {
  return withAnswer(file, settings, async (body) => new Response(Readable.toWeb(body)).text());
}

/**
 * Downloads a file to a path, and returns its SHA-256 in lower-case hex.
 *
 * @param onBytes called with the bytes so far, and with all bytes; null if the server does not say how many
 * @throws HttpStatusError; Error if there is no answer or it breaks off
 */
export async function downloadFile(
  file: RemoteFile,
  path: string,
  settings: HttpSettings,
  onBytes: (done: number, all: number | null) => void,
): Promise<string> {
  return withAnswer(file, settings, async (body, length) => {
    const hash = createHash('sha256');
    let done = 0;
    const count = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        hash.update(chunk);
        done += chunk.length;
        onBytes(done, length);
        next(null, chunk);
      },
    });
    await pipeline(body, count, createWriteStream(path), { signal: settings.signal });
    return hash.digest('hex');
  });
}

/** What is known of a server from one GET, without its body. */
export interface Probed {
  readonly status: number;
  /** The server's time, as its header `Date` has it. Null = it sends none. */
  readonly date: string | null;
}

/**
 * Sends a GET and reads no more than the head of the answer.
 *
 * @throws Error if there is no answer
 */
export async function probe(file: RemoteFile, settings: HttpSettings): Promise<Probed> {
  return withResponse(file, settings, async ({ status, headers, body }) => {
    await body?.cancel();
    return { status, date: headers.get('date') };
  });
}

async function withAnswer<T>(
  file: RemoteFile,
  settings: HttpSettings,
  read: (body: Readable, length: number | null) => Promise<T>,
): Promise<T> {
  return withResponse(file, settings, async ({ status, headers, body }) => {
    if (status !== 200 || body === null) throw new HttpStatusError(status, file.url);
    const length = Number(headers.get('content-length') ?? Number.NaN);
    return read(Readable.fromWeb(body), Number.isFinite(length) ? length : null);
  });
}

async function withResponse<T>(
  { url, authorization }: RemoteFile,
  { proxies, firstByteMs, signal }: HttpSettings,
  read: (response: Awaited<ReturnType<typeof fetch>>) => Promise<T>,
): Promise<T> {
  const dispatcher = createDispatcher(proxyFor(url, proxies), firstByteMs);
  try {
    const headers = authorization === null ? {} : { authorization };
    return await read(await fetch(url, { dispatcher, headers, signal }));
  } finally {
    await dispatcher.destroy();
  }
}

function createDispatcher(proxy: HttpProxy | null, firstByteMs: number): Dispatcher {
  const settings = { headersTimeout: firstByteMs, connect: { timeout: firstByteMs } };
  return proxy === null ? new Agent(settings) : createTunnelAgent(proxy, settings, firstByteMs);
}

/** The innermost reason of a failed download, such as `getaddrinfo ENOTFOUND example.com`. */
export function innermostReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : innermostReason(error.cause);
}
