import { DecoratorHandler, type Dispatcher } from 'undici';
import { Phase } from '../domain/words.ts';

/** The server on the other end does not answer for this upstream: it is not what the connection was opened for. */
export class MisdirectedError extends Error {
  readonly headers: ResponseHeaders;

  constructor(headers: ResponseHeaders) {
    super('the connection leads to a server that does not answer for the upstream');
    this.name = 'MisdirectedError';
    this.headers = headers;
  }
}

/** As undici reads them: several of one name are a list. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

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
