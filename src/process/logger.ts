import { pino, type Logger } from 'pino';

/** JSON lines on stderr, so that stdout is free for what a person reads. */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}
