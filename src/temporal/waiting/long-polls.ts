import type { Connection } from '@temporalio/client';
import { HistoryEventFilterType } from '../sdk-internals.ts';
import { raceWait, type LongPolls } from './waiters.ts';

/**
 * Creates the long polls. One poll per run serves all its waiters.
 *
 * @param connection its calls must be abortable
 * @param max polls open at once. Temporal's default is 1,200 per namespace, for all processes together
 */
export function createLongPolls(connection: Connection, namespace: string, max: number): LongPolls {
  const polls = new Map<string, { closed: Promise<void>; abort: AbortController; waiters: number }>();

  function hold(workflowId: string): { closed: Promise<void>; abort: AbortController; waiters: number } {
    const abort = new AbortController();
    const closed = connection
      .withAbortSignal(abort.signal, () => pollUntilClosed(connection, namespace, workflowId, abort.signal))
      .catch(() => undefined);
    const poll = { closed, abort, waiters: 0 };
    polls.set(workflowId, poll);
    return poll;
  }

  return {
    async untilClosed(workflowId, wait) {
      if (wait.ms <= 0 || wait.signal.aborted) return;
      const held = polls.get(workflowId);
      if (held === undefined && polls.size >= max) return;
      const poll = held ?? hold(workflowId);
      poll.waiters += 1;
      await raceWait(poll.closed, wait);
      poll.waiters -= 1;
      if (poll.waiters > 0) return;
      poll.abort.abort();
      if (polls.get(workflowId) === poll) polls.delete(workflowId);
    },
  };
}

/**
 * Polls until the run closes. The server answers each long poll within 20 s; the answer carries a token for
 * the next one.
 */
async function pollUntilClosed(
  connection: Connection,
  namespace: string,
  workflowId: string,
  signal: AbortSignal,
): Promise<void> {
  let nextPageToken: Uint8Array = new Uint8Array();
  while (!signal.aborted) {
    const page = await connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId },
      waitNewEvent: true,
      historyEventFilterType: HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
      nextPageToken,
    });
    if ((page.history?.events?.length ?? 0) > 0) return;
    nextPageToken = page.nextPageToken ?? new Uint8Array();
  }
}
