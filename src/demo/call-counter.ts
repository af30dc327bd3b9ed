/** Counts calls for the same request. */
export interface CallCounter {
  /** How many calls have come with this key, this one included; always 1 without a key. */
  count(key: string | null): number;
}

/** A counter with bounded memory: the keys that were not called for longest are forgotten first. */
export function createCallCounter(maxKeys = 1_000): CallCounter {
  const calls = new Map<string, number>();
  return {
    count(key) {
      if (key === null) return 1;
      const count = (calls.get(key) ?? 0) + 1;
      calls.delete(key);
      calls.set(key, count);
      const oldest = calls.keys().next().value;
      if (calls.size > maxKeys && oldest !== undefined) calls.delete(oldest);
      return count;
    },
  };
}
