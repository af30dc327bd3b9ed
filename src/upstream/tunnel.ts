import type { Duplex } from 'node:stream';
import { type Agent, DecoratorHandler, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { HttpProxy } from '../domain/proxy.ts';
import type { ResponseHeaders } from './response-body.ts';

/** The proxy answered CONNECT without opening a tunnel. Nothing was sent to the upstream. */
export class TunnelRefusedError extends Error {
  readonly status: number;
  readonly headers: ResponseHeaders;

  constructor(status: number, headers: ResponseHeaders) {
    super(`the proxy answered CONNECT with ${status}`);
    this.name = 'TunnelRefusedError';
    this.status = status;
    this.headers = headers;
  }
}

/** The proxy could not be reached, or closed the connection before it answered CONNECT. */
export class TunnelFailedError extends Error {
  constructor(cause: Error) {
    super('the proxy opened no tunnel', { cause });
    this.name = 'TunnelFailedError';
  }
}

/**
 * Creates undici's proxy agent: each connection to an upstream is a tunnel that the proxy opens for CONNECT.
 * The time limit applies to each step: connecting to the proxy, its answer, and the TLS handshake with the
 * upstream.
 */
export function createTunnelAgent(
  proxy: HttpProxy,
  settings: Agent.Options,
  stepTimeoutMs: number,
): ProxyAgent {
  const authorization = proxyAuthorization(proxy);
  const step = { timeout: stepTimeoutMs, allowH2: false };
  return new ProxyAgent({
    ...settings,
    uri: proxy.origin,
    ...(authorization === null ? {} : { token: authorization }),
    requestTls: step,
    proxyTls: step,
    clientFactory: (origin, options) =>
      new Pool(origin, { ...options, headersTimeout: stepTimeoutMs, connections: null }).compose(
        reportFaults,
      ),
  });
}

/** The `Proxy-Authorization` value; null if the proxy's address holds no credentials. */
export function proxyAuthorization({ credentials }: HttpProxy): string | null {
  if (credentials === null) return null;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/**
 * Turns every fault on a connection to the proxy into an error of ReqRun. Otherwise undici would treat some
 * of these faults as a lost connection to the upstream, and would ask the proxy for a tunnel again and again
 * without a pause.
 */
const reportFaults: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch(options, new TunnelHandler(handler));

class TunnelHandler extends DecoratorHandler implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;

  constructor(handler: Dispatcher.DispatchHandler) {
    super(handler);
    this.#handler = handler;
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    socket: Duplex,
  ): void {
    if (status === 200) return this.#handler.onRequestUpgrade?.(controller, status, { ...headers }, socket);
    socket.on('error', () => undefined).destroy();
    this.#handler.onResponseError?.(controller, new TunnelRefusedError(status, headers));
  }

  onResponseError(controller: Dispatcher.DispatchController, cause: Error): void {
    this.#handler.onResponseError?.(controller, new TunnelFailedError(cause));
  }
}
