import type { Context } from '@temporalio/activity';
import type { Journal } from '../src/domain/journal.ts';
import type { UpstreamCall } from '../src/domain/run-contract.ts';

/**
 * Delay of the first heartbeat. A shorter call sends none, because each heartbeat is a write on the server.
 */
const FIRST_HEARTBEAT_MS = 1_000;
/**
 * Interval as a share of the heartbeat timeout. The SDK sends at most one heartbeat per 0.8 of the timeout.
 * Half of that misses no slot.
 */
const INTERVAL_SHARE = 0.4;

/** The heartbeats of one attempt. */
export interface AttemptHeartbeat {
  /** Sets the journal that the next heartbeat carries. */
  set(journal: Journal): void;
  stop(): void;
}

/**
 * Sends the current journal as heartbeats while an attempt runs. The answers to heartbeats report a
 * cancellation.
 */
export function heartbeatWhileRunning(context: Context, first: Journal): AttemptHeartbeat {
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 60_000;
  const intervalMs = Math.max(FIRST_HEARTBEAT_MS / 2, timeoutMs * INTERVAL_SHARE);
  let journal = first;
  let timer = setTimeout(beat, Math.min(FIRST_HEARTBEAT_MS, intervalMs));
  function beat(): void {
    context.heartbeat(journal);
    timer = setTimeout(beat, intervalMs);
  }
  return { set: (next) => void (journal = next), stop: () => clearTimeout(timer) };
}

/** Ends an attempt at the earliest of three: its own timeout, the request's deadline, its cancellation. */
export interface AttemptLimit {
  readonly signal: AbortSignal;
  clear(): void;
}

/**
 * Creates the limit of an attempt. The attempt must end itself, because Temporal does not notify a running
 * activity of its timeouts.
 */
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
