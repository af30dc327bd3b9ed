import type { SettledRun, Wait } from '../../domain/requests.ts';
import type { LongPolls } from '../long-polls.ts';
import type { Waiter } from '../waiters.ts';

/**
 * Holds a caller until the run has settled or the wait is over.
 *
 * @param longPolls null where every run is settled by this process's own worker
 * @returns the settled run where this process's worker settled it, else null
 */
export async function hold(
  waiter: Waiter,
  longPolls: LongPolls | null,
  workflowId: string,
  wait: Wait,
): Promise<SettledRun | null> {
  if (longPolls === null) return waiter.wait(wait);
  const polled = new AbortController();
  const signal = AbortSignal.any([wait.signal, polled.signal]);
  const poll = longPolls
    .untilClosed(workflowId, { ms: wait.ms, signal: wait.signal })
    .then(() => polled.abort());
  const settled = await waiter.wait({ ms: wait.ms, signal });
  void poll;
  return settled;
}
