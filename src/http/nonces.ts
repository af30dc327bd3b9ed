/** Which nonces were received in this process, for as long as their requests' timestamps are good. */
export interface Nonces {
  /** Takes a nonce of a key: `used` where it was taken before, `full` where no more can be kept. */
  take(keyId: string, nonce: string, at: { untilMs: number; nowMs: number }): 'taken' | 'used' | 'full';
}

/** What is forgotten together: a minute more than need be, at most. */
const SLOT_MS = 60_000;
/** Some 200 MB; 1,600 requests a second for the ten minutes in which a timestamp may be good. */
const MAX_NONCES = 1_000_000;

/** Only what has a valid signature is kept, so that nobody without the secret can fill it. */
export function createNonces(max = MAX_NONCES): Nonces {
  /** By the end of the slot that a nonce's last moment lies in. */
  const slots = new Map<number, Set<string>>();
  return {
    take(keyId, nonce, { untilMs, nowMs }) {
      let kept = 0;
      for (const [endMs, { size }] of slots) {
        if (endMs < nowMs) slots.delete(endMs);
        else kept += size;
      }
      const entry = `${keyId} ${nonce}`;
      if ([...slots.values()].some((slot) => slot.has(entry))) return 'used';
      if (kept >= max) return 'full';
      const endMs = Math.ceil(untilMs / SLOT_MS) * SLOT_MS;
      const slot = slots.get(endMs) ?? new Set<string>();
      slots.set(endMs, slot.add(entry));
      return 'taken';
    },
  };
}
