/** A limit that changes at run time. */
export interface Flow {
  /** Units in the bucket at the start. */
  readonly initial: number;
  /** Units per minute from each time on, in order. The first is at 0. */
  readonly rates: readonly { readonly atMs: number; readonly perMinute: number }[];
}

/** The shortest time in which a limit lets `units` through and the last call ends, s. */
export function idealSeconds(units: number, { initial, rates }: Flow, callMs: number): number {
  let left = units - initial;
  let atMs = 0;
  for (const [nth, { perMinute }] of rates.entries()) {
    const endMs = rates[nth + 1]?.atMs ?? Infinity;
    const neededMs = (Math.max(0, left) * 60_000) / perMinute;
    if (atMs + neededMs <= endMs) return (atMs + neededMs + callMs) / 1_000;
    left -= ((endMs - atMs) * perMinute) / 60_000;
    atMs = endMs;
  }
  return Infinity;
}
