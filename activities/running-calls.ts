/**
 * The upstream calls that run in this process, by workflow id. A cancellation reaches them here without a
 * round trip to Temporal.
 */
export interface RunningCalls {
  /** Registers a call that begins. */
  enter(workflowId: string): RunningCall;
  /** Aborts the calls of a run whose cancellation Temporal has accepted. */
  cancel(workflowId: string): void;
}

export interface RunningCall {
  readonly cancelled: AbortSignal;
  leave(): void;
}

/** Creates an empty registry. Each process has one, shared by the activities and the workflows' sinks. */
export function createRunningCalls(): RunningCalls {
  const calls = new Map<string, Set<AbortController>>();
  return {
    enter(workflowId) {
      const call = new AbortController();
      const running = calls.get(workflowId) ?? new Set();
      calls.set(workflowId, running.add(call));
      return {
        cancelled: call.signal,
        leave: () => {
          running.delete(call);
          if (running.size === 0) calls.delete(workflowId);
        },
      };
    },
    cancel(workflowId) {
      for (const call of calls.get(workflowId) ?? []) call.abort();
    },
  };
}
