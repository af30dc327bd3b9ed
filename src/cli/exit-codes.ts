import { APIConnectionError, APIError, APIUserAbortError } from 'openai';
import { ConfigError } from '../config.ts';

/** Exit codes of the command line; docs/cli.md lists them. */
export const ExitCode = {
  /** The command did what it was asked for. */
  done: 0,
  /** The awaited request failed or was cancelled; or another command could not do its work. */
  failed: 1,
  /** The command line, a variable or the body is wrong. Nothing was sent. */
  usage: 2,
  /** The service cannot be reached, or it answers with a 5xx. */
  unreachable: 3,
  /** The request was still running when the wait ended. */
  running: 4,
  /** The service refused the call with a 4xx. */
  refused: 5,
  /** Ctrl-C, as shells have it. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The command line or its input is wrong. The message says what to change. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** An error in the API's form, for stderr. */
export interface Envelope {
  readonly error: object;
}

/** How a command ended that could not do its work. */
export interface Failure {
  readonly exitCode: ExitCode;
  /** Null = the error did not come from the service: `message` says it in a sentence. */
  readonly envelope: Envelope | null;
  readonly message: string;
}

/** Header of a recorded failure: the request was accepted and has failed for good. */
const FAILURE_HEADER = 'x-reqrun-error-code';

/** Converts a thrown error to an exit code and to what stderr shows. */
export function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError || error instanceof ConfigError) {
    return { exitCode: ExitCode.usage, envelope: null, message };
  }
  if (error instanceof APIUserAbortError || (error instanceof Error && error.name === 'AbortError')) {
    return { exitCode: ExitCode.interrupted, envelope: null, message: 'interrupted; the request goes on' };
  }
  if (error instanceof APIConnectionError) {
    return { exitCode: ExitCode.unreachable, envelope: null, message: describeConnection(error) };
  }
  if (error instanceof APIError) {
    return { exitCode: codeOf(error), envelope: envelopeOf(error), message };
  }
  return { exitCode: ExitCode.failed, envelope: null, message };
}

function codeOf({ status, headers }: APIError): ExitCode {
  if (headers?.has(FAILURE_HEADER) === true) return ExitCode.failed;
  return status !== undefined && status < 500 ? ExitCode.refused : ExitCode.unreachable;
}

/** The envelope as the service sent it. A proxy's answer has none, so it gets one with its status. */
function envelopeOf({ error, status, message }: APIError): Envelope {
  if (typeof error === 'object' && error !== null) return { error };
  return { error: { message, type: 'api_error', param: null, code: `http_${status}` } };
}

/** Names the innermost cause, such as ECONNREFUSED, because the client's own message does not. */
function describeConnection(error: Error): string {
  let innermost: unknown = error;
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause;
  const code = innermost instanceof Error && 'code' in innermost ? ` (${String(innermost.code)})` : '';
  return `The service cannot be reached${code}.`;
}
