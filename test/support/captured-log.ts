import { pino, type Level, type Logger } from 'pino';

/** A logger whose lines a test can read. */
export interface CapturedLog {
  readonly log: Logger;
  /** JSON, one for each call, in their order. */
  readonly lines: readonly string[];
}

export function captureLog(level: Level): CapturedLog {
  const lines: string[] = [];
  return { log: pino({ level, base: null }, { write: (line) => void lines.push(line) }), lines };
}
