import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent, DecoratorHandler, type Dispatcher } from 'undici';
import type { HttpProxy } from '../domain/proxy.ts';
import { Phase } from '../domain/vocabulary.ts';
import { MAX_HEAD_BYTES, tolerantPool } from './readable-heads.ts';
import { ACCEPTED_ENCODINGS, decodeBody, type ResponseHeaders, toHeaders } from './response-body.ts';
import { createTunnelAgent, proxyAuthorization } from './tunnel.ts';

export interface Transport {
  fetch(url: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Makes one call, whose fetch tells how far it has got: a client hands nothing of a call's own on to it. */
  reporting<T>(report: (phase: Phase) => void, call: () => Promise<T>): Promise<T>;
  /** Breaks off what is still under way. */
  close(): Promise<void>;
}

export interface TransportSettings {
  readonly connectTimeoutMs: number;
  /** Of the decoded body. */
  readonly maxBytes: number;
  /** What all calls go through; null = none. */
  readonly proxy: HttpProxy | null;
  /** The deployment's own, over those of the client; by names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the client's `x-stainless-*` headers are sent. */
  readonly sdkHeaders: boolean;
}

/** Of an error's body only its names and words are of use; a larger one counts as unreadable. */
export const MAX_ERROR_BYTES = 64 * 1024;

/** Ours and the client's own. OPENAI_CUSTOM_HEADERS, which no option of the client turns off, adds others. */
const SENT_HEADER =
  /^(accept|authorization|content-type|user-agent|x-client-request-id|x-stainless-[a-z-]+)$/;

/**
 * One HTTP request for one call, in the shape of a fetch. Not undici's fetch, which follows a standard made for
 * browsers: it sends a call again that was answered with a 421, takes a 407 for a broken connection and keeps
 * away from ports. No limits of undici's own (a model may think for longer than its 300 s), no redirects, and a
 * cap on the decoded body: undici counts none, and its compressed bytes may be a bomb.
 */
export function createTransport({
  connectTimeoutMs,
  maxBytes,
  proxy,
  headers: own,
  sdkHeaders,
}: TransportSettings): Transport {
  const reports = new AsyncLocalStorage<(phase: Phase) => void>();
  const settings = {
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: null,
    allowH2: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    factory: tolerantPool,
  };
  const agent = new Agent({ ...settings, connect: { timeout: connectTimeoutMs } });
  const tunnels = proxy === null ? null : createTunnelAgent(proxy, settings, connectTimeoutMs);

  async function send(report: (phase: Phase) => void, url: string, init: RequestInit): Promise<Response> {
    const { href, origin, pathname, search, host, protocol, username, password } = new URL(url);
    if (username !== '' || password !== '') throw new TypeError('the URL holds credentials');
    const inFull = proxy !== null && asksInFull(proxy, protocol);
    const authorization = inFull ? proxyAuthorization(proxy) : null;
    const way = inFull
      ? {
          origin: proxy.origin,
          path: href,
          headers: { host, ...(authorization === null ? {} : { 'proxy-authorization': authorization }) },
        }
      : { origin, path: pathname + search, headers: {} };
    const dispatcher = (inFull ? agent : (tunnels ?? agent)).compose(reportPhases(report));
    const signal = init.signal ?? null;
    signal?.throwIfAborted();
    const sent = [...new Headers(init.headers)].filter(
      ([name]) => SENT_HEADER.test(name) && (sdkHeaders || !name.startsWith('x-stainless-')),
    );
    const call = dispatcher.request({
      origin: way.origin,
      path: way.path,
      method: init.method ?? 'POST',
      headers: {
        ...way.headers,
        ...Object.fromEntries(sent),
        'accept-encoding': ACCEPTED_ENCODINGS,
        ...own,
      },
      body: init.body instanceof Uint8Array ? init.body : null,
      signal,
    });
    const { statusCode: status, headers, body } = await untilAborted(call, signal);
    if (status === 204 || status === 205 || status === 304) {
      // By definition there is none; one that comes all the same is not read.
      body.on('error', () => undefined).destroy();
      return toResponse(status, headers, null);
    }
    const limit = status >= 200 && status < 300 ? maxBytes : Math.min(maxBytes, MAX_ERROR_BYTES);
    const decoded = decodeBody(body, String(headers['content-encoding'] ?? ''), limit);
    return toResponse(status, headers, ReadableStream.from(decoded));
  }

  return {
    close: async () => {
      await Promise.all([agent.destroy(), tunnels?.destroy()]);
    },
    reporting: (report, call) => reports.run(report, call),
    fetch: (url, init = {}) => {
      const report = reports.getStore() ?? ((): void => undefined);
      return send(report, String(url), init).catch((error: unknown) => {
        if (error instanceof MisdirectedError) return toResponse(421, error.headers, null);
        throw error;
      });
    },
  };
}

/**
 * Plain http is asked for by its whole URL, as every proxy expects it: many give tunnels to port 443 alone. Not
 * through a proxy that is itself reached by TLS: undici would check its certificate for the upstream's name.
 */
function asksInFull(proxy: HttpProxy, protocol: string): boolean {
  return protocol === 'http:' && proxy.origin.startsWith('http:');
}

/** undici tells a call that waits for its connection of an abort only once there is one. */
function untilAborted<T>(call: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (signal === null) return call;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort);
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * A Response with any status: the constructor refuses those outside 200 to 599, the wire does not. Each is `ok`, so
 * that the openai client hands its body on: of a refusal's it keeps the member `error` and drops all other forms.
 */
function toResponse(
  status: number,
  headers: ResponseHeaders,
  body: ReadableStream<Uint8Array> | null,
): Response {
  const legal = status >= 200 && status <= 599;
  const response = new Response(body, { status: legal ? status : 599, headers: toHeaders(headers) });
  return Object.defineProperties(response, { ok: { value: true }, status: { value: status } });
}

/** The server on the other end does not answer for this upstream: it is not what the connection was opened for. */
export class MisdirectedError extends Error {
  readonly headers: ResponseHeaders;

  constructor(headers: ResponseHeaders) {
    super('the connection leads to a server that does not answer for the upstream');
    this.name = 'MisdirectedError';
    this.headers = headers;
  }
}

/**
 * Tells how far a call has got, by undici's own word: `request` when its bytes are about to be written to a
 * connected socket, `headers` when the status line has come. What fails before `request` was never sent.
 * A 421 ends the call with a {@link MisdirectedError}, which takes its connection with it: the next attempt
 * must not come back on the one that leads elsewhere.
 */
export function reportPhases(report: (phase: Phase) => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => dispatch(options, new ReportingHandler(handler, report));
}

class ReportingHandler extends DecoratorHandler implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #report: (phase: Phase) => void;

  constructor(handler: Dispatcher.DispatchHandler, report: (phase: Phase) => void) {
    super(handler);
    this.#handler = handler;
    this.#report = report;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#report(Phase.request);
    this.#handler.onRequestStart?.(controller, context);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusMessage?: string,
  ): void {
    if (status >= 200) this.#report(Phase.headers);
    if (status === 421) return controller.abort(new MisdirectedError(headers));
    return this.#handler.onResponseStart?.(controller, status, headers, statusMessage);
  }
}
