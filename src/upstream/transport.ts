import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { Agent, DecoratorHandler, type Dispatcher } from 'undici';
import type { HttpProxy } from '../domain/proxy.ts';
import { Phase } from '../domain/vocabulary.ts';
import { MAX_HEAD_BYTES, tolerantPool } from './readable-heads.ts';
import { ACCEPTED_ENCODINGS, decodeBody, type ResponseHeaders, toHeaders } from './response-body.ts';
import { createTunnelAgent, proxyAuthorization } from './tunnel.ts';

export interface Transport {
  /** Makes one call. Its response has no body of its own: {@link Transport.bodyOf} has it. */
  fetch(url: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * The decoded body of a response of {@link Transport.fetch}. It can be read once. The response's own web stream would
   * take 6 KB more for as long as an upstream streams.
   */
  bodyOf(response: Response): AsyncIterable<Uint8Array>;
  /**
   * Makes one call and reports its progress. The report goes through async context, because a client passes
   * no per-call data on to its fetch.
   */
  reporting<T>(report: (phase: Phase) => void, call: () => Promise<T>): Promise<T>;
  /** Aborts the calls that are still under way. */
  close(): Promise<void>;
}

export interface TransportSettings {
  readonly connectTimeoutMs: number;
  /** Limit for the decoded body. The answer to a streamed call may have a hundred times as many bytes. */
  readonly maxBytes: number;
  /** The proxy for all calls; null = none. */
  readonly proxy: HttpProxy | null;
  /** The operator's headers, with names in lower case. They replace the client's headers of the same name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the client's `x-stainless-*` headers are sent. */
  readonly sdkHeaders: boolean;
}

/** Limit for an error's body. Only its names and sentences are used; a larger body counts as unreadable. */
export const MAX_ERROR_BYTES = 64 * 1024;

/**
 * The headers that may be sent: ReqRun's and the client's. OPENAI_CUSTOM_HEADERS adds others, and no option
 * of the client turns it off.
 */
const SENT_HEADER =
  /^(accept|authorization|content-length|content-type|user-agent|x-client-request-id|x-stainless-[a-z-]+)$/;

/** The Accept header of a call whose answer may be an event stream. */
export const ACCEPT_EVENTS = 'application/json, text/event-stream';

/**
 * A stream may have this many bytes for each byte of the answer that it makes up: an event with one token has 200 to 400
 * bytes for 4.
 */
const STREAM_BYTES_PER_BYTE = 100;

/** Whether a content type names an event stream. */
export function isEventStream(contentType: string): boolean {
  return /^\s*text\/event-stream\b/i.test(contentType);
}

/**
 * Creates a fetch that makes one HTTP request for each call. undici's own fetch is not used, because it
 * follows a standard for browsers: it repeats a call after a 421, treats a 407 as a broken connection and
 * blocks some ports. undici's time limits are off, because a model may think for longer than its 300 s.
 * Redirects are not followed. The decoded body has a size limit, because undici sets none and a small
 * compressed body may decode to a huge one.
 */
export function createTransport({
  connectTimeoutMs,
  maxBytes,
  proxy,
  headers: own,
  sdkHeaders,
}: TransportSettings): Transport {
  const reports = new AsyncLocalStorage<(phase: Phase) => void>();
  const bodies = new WeakMap<Response, AsyncIterable<Uint8Array>>();
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
    const asked = new Headers(init.headers);
    const asksForEvents = asked.get('accept') === ACCEPT_EVENTS;
    const sent = [...asked].filter(
      ([name]) => SENT_HEADER.test(name) && (sdkHeaders || !name.startsWith('x-stainless-')),
    );
    const call = dispatcher.request({
      origin: way.origin,
      path: way.path,
      method: init.method ?? 'POST',
      headers: {
        ...way.headers,
        ...Object.fromEntries(sent),
        // A compressed stream could not be read event by event.
        'accept-encoding': asksForEvents ? 'identity' : ACCEPTED_ENCODINGS,
        ...own,
      },
      body: toBody(init.body),
      signal,
    });
    const { statusCode: status, headers, body } = await untilAborted(call, signal);
    if (status === 204 || status === 205 || status === 304) {
      // These statuses have no body by definition. A body that comes anyway is not read.
      body.on('error', () => undefined).destroy();
      return toResponse(status, headers);
    }
    const maxBodyBytes = asksForEvents ? maxBytes * STREAM_BYTES_PER_BYTE : maxBytes;
    const limit = status >= 200 && status < 300 ? maxBodyBytes : Math.min(maxBytes, MAX_ERROR_BYTES);
    const response = toResponse(status, headers);
    bodies.set(response, decodeBody(body, String(headers['content-encoding'] ?? ''), limit));
    return response;
  }

  return {
    close: async () => {
      await Promise.all([agent.destroy(), tunnels?.destroy()]);
    },
    reporting: (report, call) => reports.run(report, call),
    bodyOf: (response) => bodies.get(response) ?? Readable.from([]),
    fetch: (url, init = {}) => {
      const report = reports.getStore() ?? ((): void => undefined);
      return send(report, String(url), init).catch((error: unknown) => {
        if (error instanceof MisdirectedError) return toResponse(421, error.headers);
        throw error;
      });
    },
  };
}

function toBody(body: RequestInit['body']): Uint8Array | Readable | null {
  if (body instanceof Uint8Array) return body;
  return body instanceof ReadableStream ? Readable.fromWeb(body) : null;
}

/**
 * Whether the proxy is asked for the whole URL. This is how every proxy expects plain http: many allow
 * tunnels only to port 443. It is not used with a proxy that is itself reached over TLS, because undici would
 * check the proxy's certificate for the upstream's name.
 */
function asksInFull(proxy: HttpProxy, protocol: string): boolean {
  return protocol === 'http:' && proxy.origin.startsWith('http:');
}

/**
 * Rejects at once when the signal aborts, because undici reports an abort to a call without a connection only
 * when it gets one.
 */
function untilAborted<T>(call: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (signal === null) return call;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort);
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/**
 * Creates a Response with any status. The constructor refuses a status outside 200 to 599, but an upstream
 * may send one. `ok` is always true, so that the openai client passes the body on: of a refusal's body it
 * would keep only the member `error`.
 */
function toResponse(status: number, headers: ResponseHeaders): Response {
  const legal = status >= 200 && status <= 599;
  const response = new Response(null, { status: legal ? status : 599, headers: toHeaders(headers) });
  return Object.defineProperties(response, { ok: { value: true }, status: { value: status } });
}

/** The upstream's address led to a server that does not answer for it (421). */
export class MisdirectedError extends Error {
  readonly headers: ResponseHeaders;

  constructor(headers: ResponseHeaders) {
    super('the connection leads to a server that does not answer for the upstream');
    this.name = 'MisdirectedError';
    this.headers = headers;
  }
}

/**
 * Reports how far a call has got, from undici's events. `request`: its bytes are about to be written to a
 * connected socket. `headers`: the status line has arrived. A call that fails before `request` was never
 * sent. A 421 ends the call with a {@link MisdirectedError}, which closes its connection: the next attempt
 * must not use the connection that leads to another server.
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
    this.#handler.onResponseStart?.(controller, status, headers, statusMessage);
    // They are parsed. A stream would keep them, and the chunk that they were cut from, until its end.
    controller.rawHeaders = null;
  }
}
