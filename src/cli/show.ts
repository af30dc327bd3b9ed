import { RequestRecord } from '../domain/record.ts';
import type { Api, Document } from './api.ts';
import { awaitEnd, type ReadRecord } from './await-end.ts';
import { ExitCode } from './exit-codes.ts';
import { describeProgress, renderRecord, resultText } from './render.ts';
import type { Terminal } from './terminal.ts';

/** How a command shows what it got. */
export interface ShowSettings {
  /** Whether to print the API's own document. */
  readonly json: boolean;
}

/** Shows the record of an answer. */
export function showRecord(terminal: Terminal, { text }: Document, { json }: ShowSettings): ExitCode {
  terminal.out(json ? text : renderRecord(RequestRecord.parse(JSON.parse(text))));
  return ExitCode.done;
}

/** Shows the answer to a POST that was not waited for: the result, or what was accepted. */
export function showAccepted(terminal: Terminal, answer: Document, { json }: ShowSettings): ExitCode {
  if (json || answer.status === 200 || answer.requestId === null) terminal.out(answer.text);
  else {
    terminal.out(answer.requestId);
    terminal.remark(`Accepted. Its result: reqrun requests wait ${quote(answer.requestId)}`);
  }
  return ExitCode.done;
}

/** Shows that a request is deleted. */
export function showDeleted(terminal: Terminal, { text }: Document, { json }: ShowSettings): ExitCode {
  if (json) terminal.out(text);
  else terminal.remark('Deleted.');
  return ExitCode.done;
}

export interface WaitSettings extends ShowSettings {
  /** Null = until the request ends. */
  readonly timeoutMs: number | null;
}

/** How long the service holds one answer: short where a person watches, else below common proxies' 60 s. */
const WATCHED_SECONDS = 1;
const HELD_SECONDS = 30;

/**
 * Waits for the end of a request, and shows its result on stdout. Shows progress in a terminal. Ctrl-C ends
 * the wait, not the request.
 *
 * @throws APIError if the service refuses the call or cannot be reached
 */
export async function waitFor(
  terminal: Terminal,
  api: Api,
  id: string,
  { json, timeoutMs }: WaitSettings,
): Promise<ExitCode> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.once('SIGINT', stop);
  try {
    const last = await awaitEnd(api, id, {
      timeoutMs,
      holdSeconds: terminal.showsProgress ? WATCHED_SECONDS : HELD_SECONDS,
      onRecord: (record) => terminal.progress(describeProgress(record, Date.now())),
      signal: stopping.signal,
    });
    if (json) terminal.out(last.document.text);
    return showEnd(terminal, last, json);
  } finally {
    terminal.endProgress();
    process.removeListener('SIGINT', stop);
  }
}

function showEnd(terminal: Terminal, { record, document }: ReadRecord, json: boolean): ExitCode {
  if (!record.terminal) {
    if (!json) terminal.remark(`${describeProgress(record, Date.now())}; it goes on.`);
    return ExitCode.running;
  }
  if (record.status === 'completed') {
    if (!json) terminal.out(resultText(document.text, terminal.isInteractive));
    return ExitCode.done;
  }
  terminal.remark(JSON.stringify(endEnvelope(record)));
  return ExitCode.failed;
}

/** The error envelope that a POST for this request is answered with, as far as the record has it. */
function endEnvelope({ id, status, error }: RequestRecord): object {
  const code = error?.code ?? `request_${status}`;
  const message = error?.message ?? `The request was ${status}.`;
  const type = error?.upstream_type ?? 'request_failed';
  return { error: { message, type, param: error?.upstream_param ?? null, code, request_id: id } };
}

/** Quotes an id for a shell, if it needs that. */
function quote(id: string): string {
  return /^[\w.@/:-]+$/.test(id) ? id : `'${id.replaceAll("'", `'\\''`)}'`;
}
