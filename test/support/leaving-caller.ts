import { expect } from 'vitest';

/** A caller that waits for its result until it leaves. */
export interface LeavingCaller {
  /** Breaks the call off; rejects where it had been answered already. */
  leave(): Promise<void>;
}

/** POSTs a chat completion; `fields` go over a minimal body. */
export function startLeavingCaller(
  url: string,
  fields: object,
  headers: Record<string, string> = {},
): LeavingCaller {
  const caller = new AbortController();
  const left = fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    signal: caller.signal,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields }),
  }).then(
    () => 'answered' as const,
    () => 'left' as const,
  );
  return {
    leave: async () => {
      caller.abort();
      expect(await left).toBe('left');
    },
  };
}
