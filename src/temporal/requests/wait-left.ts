import type { Wait } from '../../domain/requests.ts';

/** A wait counts from the call's arrival: what was spent on accepting or reading is no longer to be waited. */
export function startWait({ ms, signal }: Wait): () => Wait {
  const untilMs = Date.now() + ms;
  return () => ({ ms: Math.max(0, untilMs - Date.now()), signal });
}

/** Whether the caller wants to be held and can be. */
export function canHold({ ms, signal }: Wait, waiters: { isFull(): boolean }): boolean {
  return ms > 0 && !signal.aborted && !waiters.isFull();
}
