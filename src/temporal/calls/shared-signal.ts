/** The callers that share one call. It may be given up only when all of them have left. */
export interface SharedSignals {
  /**
   * Joins the callers of the call with this name.
   *
   * @param signal aborted = the caller has left
   * @returns `left`: aborted when all callers have left. `end` must be called when the call has ended
   */
  join(name: string, signal: AbortSignal): { readonly left: AbortSignal; end(): void };
}

export function createSharedSignals(): SharedSignals {
  const calls = new Map<string, { readonly left: AbortController; callers: number }>();
  return {
    join(name, signal) {
      const call = calls.get(name) ?? { left: new AbortController(), callers: 0 };
      calls.set(name, call);
      call.callers += 1;
      const leave = (): void => {
        call.callers -= 1;
        if (call.callers > 0) return;
        call.left.abort();
        if (calls.get(name) === call) calls.delete(name);
      };
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      const end = (): void => {
        signal.removeEventListener('abort', leave);
        if (!signal.aborted) leave();
      };
      return { left: call.left.signal, end };
    },
  };
}
