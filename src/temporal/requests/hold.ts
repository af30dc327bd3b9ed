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
  const over = new AbortController();
  const until = { ms: wait.ms, signal: AbortSignal.any([wait.signal, over.signal]) };
  void longPolls.untilClosed(workflowId, until).then(() => over.abort());
  // A settled run may take a while to close; its poll's place is wanted before.
  return waiter.wait(until).finally(() => over.abort());
}
