import type { Context } from '@temporalio/activity';
import type { Journal } from '../src/domain/journal.ts';

/** A call shorter than this writes no heartbeat: each one is a write on the server. */
const FIRST_HEARTBEAT_MS = 1_000;
/** Of the heartbeat timeout. The SDK sends at most one per 0.8 of it; asking at half of it misses no slot. */
const INTERVAL_SHARE = 0.4;

/** Says "attempt n, since when" while a call lasts, and so learns of cancellations. */
export function heartbeatWhileRunning(context: Context, journal: Journal): { stop(): void } {
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 60_000;
  const intervalMs = Math.max(FIRST_HEARTBEAT_MS / 2, timeoutMs * INTERVAL_SHARE);
  let timer = setTimeout(beat, Math.min(FIRST_HEARTBEAT_MS, intervalMs));
  function beat(): void {
    context.heartbeat(journal);
    timer = setTimeout(beat, intervalMs);
  }
  return { stop: () => clearTimeout(timer) };
}
