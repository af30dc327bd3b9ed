import type { ConnectionLike } from '@temporalio/client';
import { createCallBudget, withinBudget } from '../calls/call-budget.ts';
import { optionalTsToDate, TaskQueueType } from '../sdk-internals.ts';

/** Counts the workers that poll a task queue for activities. */
export interface WorkerCount {
  /** The last known number; at least 1, which is this worker. */
  count(): number;
  stop(): void;
}

const ASK_EVERY_MS = 10_000;
const WITHIN_MS = 5_000;
/** Temporal lists a poller for five minutes after its last poll. A worker polls at least once a minute. */
const SEEN_WITHIN_MS = 70_000;

/** Asks Temporal every 10 s. Without an answer, the last known number stays. */
export function createWorkerCount(
  connection: ConnectionLike,
  namespace: string,
  taskQueue: string,
): WorkerCount {
  let known = 1;

  async function ask(): Promise<void> {
    const budget = createCallBudget(WITHIN_MS);
    const call = connection.withDeadline(budget.deadlineMs, () =>
      connection.workflowService.describeTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      }),
    );
    const { pollers } = await withinBudget(budget, call);
    const seen = (pollers ?? []).map(({ identity, lastAccessTime }) => ({
      identity,
      atMs: optionalTsToDate(lastAccessTime)?.getTime() ?? 0,
    }));
    // Compared with the newest poll, because the clocks of worker and server may differ.
    const newestMs = Math.max(0, ...seen.map(({ atMs }) => atMs));
    const current = seen.filter(({ atMs }) => newestMs - atMs <= SEEN_WITHIN_MS);
    known = Math.max(1, new Set(current.map(({ identity }) => identity)).size);
  }

  let timer: NodeJS.Timeout;
  let isStopped = false;
  function askAgain(): void {
    void ask()
      .catch(() => undefined)
      .finally(() => {
        if (!isStopped) timer = setTimeout(askAgain, ASK_EVERY_MS).unref();
      });
  }
  timer = setTimeout(askAgain, 0).unref();
  return {
    count: () => known,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
