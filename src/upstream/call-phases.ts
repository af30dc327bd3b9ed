import { DecoratorHandler, type Dispatcher } from 'undici';
import { Phase } from '../domain/words.ts';
import { ResponseTooLargeError } from './response-cap.ts';

/** undici gives up beyond as many; done here so that it is told by a class and not by a message. */
const MAX_ENCODINGS = 5;

/**
 * Tells how far a call has got, by undici's own word: `request` when its bytes are about to be written to a
 * connected socket, `headers` when the status line has come. What fails before `request` was never sent.
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
    const encodings = String(headers['content-encoding'] ?? '').split(',').length;
    if (encodings > MAX_ENCODINGS) return controller.abort(new ResponseTooLargeError());
    return this.#handler.onResponseStart?.(controller, status, headers, statusMessage);
  }
}
