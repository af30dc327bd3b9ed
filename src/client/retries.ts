/** What the client's own repetitions share: when an answer is final, and how long to pause. */

/** Whether a refused call is refused for good: a 4xx that no later call changes. */
export function isFinal(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/**
 * The delay of `Retry-After`.
 *
 * @param otherwiseMs the delay where the header is absent or no number of seconds
 */
export function retryAfterMs(headers: Headers | undefined, otherwiseMs: number): number {
  const seconds = Number(headers?.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : otherwiseMs;
}

/**
 * Waits.
 *
 * @param signal null or undefined = the wait cannot be aborted
 * @throws the reason of the signal when it is aborted
 */
export async function pause(ms: number, signal: AbortSignal | null | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      signal?.removeEventListener('abort', abort);
      resolve();
    }
    function abort(): void {
      clearTimeout(timer);
      reject(signal?.reason instanceof Error ? signal.reason : new Error('the wait was aborted'));
    }
    signal?.addEventListener('abort', abort, { once: true });
  });
}
