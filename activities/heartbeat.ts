import type { Context } from '@temporalio/activity';
import type { Journal } from '../src/domain/journal.ts';
import type { UpstreamCall } from '../src/domain/run-contract.ts';

/** A call shorter than this writes no heartbeat: each one is a write on the server. */
const FIRST_HEARTBEAT_MS = 1_000;
/** Of the heartbeat timeout. The SDK sends at most one per 0.8 of it; asking at half of it misses no slot. */
const INTERVAL_SHARE = 0.4;

/** The heartbeats of one attempt. */
export interface AttemptHeartbeat {
  /** What is known now; the next heartbeat carries it. */
  set(journal: Journal): void;
  stop(): void;
}

/** Writes the journal as it is at that moment while an attempt lasts, and so learns of cancellations. */
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
