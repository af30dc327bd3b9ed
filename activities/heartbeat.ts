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
  /**
   * Writes a journal that comes before the call.
   *
   * @throws if Temporal does not confirm it
   */
  record(journal: Journal): Promise<void>;
  /**
   * Writes the journal with which the call begins.
   *
   * @param how `confirmed`: resolves when Temporal has it. `queued`: the SDK sends it soon. `later`: the next heartbeat
   *   carries it
   * @throws if Temporal does not confirm it
   */
  begin(journal: Journal, how: 'confirmed' | 'queued' | 'later'): Promise<void>;
  /**
   * Writes a journal while the call's answer is stored.
   *
   * @throws if Temporal does not confirm it
   */
  confirm(journal: Journal): Promise<void>;
  stop(): void;
}

/**
 * Sends the current journal as heartbeats while an attempt runs. The answers to heartbeats report a
 * cancellation.
 *
 * Until the call begins, each heartbeat is written directly, one after the other. The SDK's own heartbeats begin with
 * the call, because they cannot be awaited: one that is still on its way would arrive after the journal with which the
 * call begins, and replace it with one in which no call was made.
 *
 * @param write writes a journal to Temporal, and resolves when Temporal has it on disk
 */
export function heartbeatWhileRunning(
  context: Context,
  first: Journal,
  write: (journal: Journal) => Promise<void>,
): AttemptHeartbeat {
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 60_000;
  const intervalMs = Math.max(FIRST_HEARTBEAT_MS / 2, timeoutMs * INTERVAL_SHARE);
  let journal = first;
  let isCalling = false;
  let written: Promise<unknown> = Promise.resolve();
  let timer = setTimeout(beat, Math.min(FIRST_HEARTBEAT_MS, intervalMs));
  function beat(): void {
    if (isCalling) context.heartbeat(journal);
    else void writeNext().catch(() => undefined);
    timer = setTimeout(beat, intervalMs);
  }
  function writeNext(): Promise<void> {
    const next = written.then(() => write(journal));
    written = next.catch(() => undefined);
    return next;
  }
  return {
    record: (next) => {
      journal = next;
      return writeNext();
    },
    async begin(next, how) {
      journal = next;
      await (how === 'confirmed' ? writeNext() : written);
      isCalling = true;
      // The SDK repeats the value that it was given last, so it gets the same one.
      if (how !== 'later') context.heartbeat(next);
    },
    async confirm(next) {
      journal = next;
      await write(next);
      context.heartbeat(next);
    },
    stop: () => clearTimeout(timer),
  };
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
