import type { Envelope, Failure } from './exit-codes.ts';

/** Where a command writes. */
export interface Terminal {
  /** Writes one line of the command's result to stdout. */
  out(line: string): void;
  /** Writes one line for a person to stderr. */
  remark(line: string): void;
  /** Replaces the line of progress on stderr. Writes nothing where stderr is no terminal. */
  progress(line: string): void;
  /** Removes the line of progress. */
  endProgress(): void;
  /** Whether a person reads stdout. */
  readonly isInteractive: boolean;
  /** Whether progress is shown. */
  readonly showsProgress: boolean;
}

/** The parts of the process that the terminal uses. */
export interface Streams {
  readonly stdout: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;
  readonly stderr: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;
}

const CLEAR_LINE = '\r\u001b[2K';
const COLUMNS = 80;

/** Creates a terminal on the streams of a process. */
export function createTerminal({ stdout, stderr }: Streams): Terminal {
  let hasProgress = false;
  const endProgress = (): void => {
    if (hasProgress) stderr.write(CLEAR_LINE);
    hasProgress = false;
  };
  return {
    isInteractive: stdout.isTTY,
    showsProgress: stderr.isTTY,
    endProgress,
    out: (line) => {
      endProgress();
      stdout.write(`${line}\n`);
    },
    remark: (line) => {
      endProgress();
      stderr.write(`${line}\n`);
    },
    progress: (line) => {
      if (!stderr.isTTY) return;
      // A longer line would wrap, and only its last row could be replaced.
      stderr.write(CLEAR_LINE + line.slice(0, (stderr.columns || COLUMNS) - 1));
      hasProgress = true;
    },
  };
}

/**
 * Writes why a command failed to stderr: the service's own envelope, and for a person the sentence in it.
 *
 * @param json whether a script reads stderr
 */
export function reportFailure(
  terminal: Terminal,
  { envelope, message, exitCode }: Failure,
  json: boolean,
): void {
  if (envelope !== null) return terminal.remark(JSON.stringify(envelope));
  if (!json) return terminal.remark(message);
  const local: Envelope = { error: { message, type: 'cli_error', param: null, code: `exit_${exitCode}` } };
  terminal.remark(JSON.stringify(local));
}
