/** Which nonces were received in this process, for as long as their requests' timestamps are good. */
export interface Nonces {
  /** Takes a nonce of a key: `used` where it was taken before, `full` where no more of this key can be kept. */
  take(keyId: string, nonce: string, at: { untilMs: number; nowMs: number }): 'taken' | 'used' | 'full';
}

/** What is forgotten together: a minute more than need be, at most. */
const SLOT_MS = 60_000;
/** 400 requests a second for the ten minutes in which a timestamp may be good; some 50 MB. */
const MAX_PER_KEY = 250_000;

/** Only what has a valid signature is kept, and each key has a bound of its own: nobody fills it for others. */
export function createNonces(maxPerKey = MAX_PER_KEY): Nonces {
  /** Of each key, by the end of the slot that a nonce's last moment lies in. */
  const keys = new Map<string, Map<number, Set<string>>>();
  let sweptMs = 0;

  function forgetBefore(nowMs: number): void {
    for (const [keyId, slots] of keys) {
      for (const endMs of slots.keys()) if (endMs < nowMs) slots.delete(endMs);
      if (slots.size === 0) keys.delete(keyId);
    }
    sweptMs = nowMs;
  }

  return {
    take(keyId, nonce, { untilMs, nowMs }) {
      if (nowMs - sweptMs >= SLOT_MS) forgetBefore(nowMs);
      const slots = keys.get(keyId) ?? new Map<number, Set<string>>();
      const sets = [...slots.values()];
      if (sets.some((slot) => slot.has(nonce))) return 'used';
      if (sets.reduce((sum, { size }) => sum + size, 0) >= maxPerKey) return 'full';
      const endMs = Math.ceil(untilMs / SLOT_MS) * SLOT_MS;
      keys.set(keyId, slots.set(endMs, (slots.get(endMs) ?? new Set()).add(nonce)));
      return 'taken';
    },
  };
}
