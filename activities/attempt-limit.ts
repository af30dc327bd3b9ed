import type { UpstreamCall } from '../src/domain/run.ts';

/** Ends an attempt at its own timeout, at the request's deadline or with its cancellation, whichever is first. */
export interface AttemptLimit {
  readonly signal: AbortSignal;
  clear(): void;
}

/** Temporal tells a running activity of none of its timeouts, so the attempt ends itself. */
export function limitAttempt(
  call: UpstreamCall,
  startedAtMs: number,
  cancellation: AbortSignal,
): AttemptLimit {
  const untilDeadlineMs = call.deadline_at_ms - startedAtMs;
  const limitMs = Math.min(call.options.attempt_timeout_seconds * 1000, untilDeadlineMs);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), limitMs);
  return {
    signal: AbortSignal.any([cancellation, timeout.signal]),
    clear: () => clearTimeout(timer),
  };
}
